//! Every handler of the macros' specification, with its attributes as they stand there.
//!
//! | file | handlers |
//! |---|---|
//! | [`recommendations`] | `get_recommendations` |
//! | [`payments`] | `charge_payment` |
//! | [`reviews`] | `get_product_reviews` |
//! | [`exchange`] | `sync_data`, `call_external_api`, `upload_data`: data that goes out and comes in |
//! | [`orders`] | `create_order`, `create_express_order`, `create_batch_orders`, `confirm_order` |
//! | [`reports`] | `generate_complex_report` |
//! | [`dashboard`] | `get_user_dashboard` and its parts |
//! | [`search`] | `search_products`, `public_search` |
//! | [`analytics`] | `analyze_large_dataset`, `get_realtime_analytics` |
//! | [`products`] | `get_product_details` and its parts |
//! | [`content`] | `get_dynamic_content` |
//! | [`critical`] | `critical_operation` |
//! | [`profile`] | `get_user_profile` and its parts |
//! | [`events`] | `ingest_events` |

pub mod analytics;
pub mod content;
pub mod critical;
pub mod dashboard;
pub mod events;
pub mod exchange;
pub mod orders;
pub mod payments;
pub mod products;
pub mod profile;
pub mod recommendations;
pub mod reports;
pub mod reviews;
pub mod search;
