//! A user's page out of three services that are asked at the same time.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::{get, segment};

type BasicProfile = Value;

#[derive(Debug, Serialize, Deserialize)]
pub struct UserPreferences {
    language: String,
    newsletter: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct UserActivity {
    events: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
pub struct UserProfileResponse {
    basic_profile: Option<BasicProfile>,
    preferences: Option<UserPreferences>,
    recent_activity: Option<UserActivity>,
}

#[service_method("GET /user-profile/:id")]
#[require_auth]
#[timeout("10s")]
pub async fn get_user_profile(msg: Message) -> Result<RpcResponse, String> {
    let user_id = msg.get_path_param("id")?;

    // Parallel calls with individual resilience
    let (profile_result, preferences_result, activity_result) = tokio::join!(
        get_basic_profile(user_id.clone()),
        get_user_preferences(user_id.clone()),
        get_user_activity(user_id.clone())
    );

    // Combine results, handling partial failures gracefully
    let mut response = UserProfileResponse::default();

    match profile_result {
        Ok(profile) => response.basic_profile = Some(profile),
        Err(e) => tracing::warn!("Profile fetch failed: {}", e),
    }

    match preferences_result {
        Ok(preferences) => response.preferences = Some(preferences),
        Err(e) => tracing::warn!("Preferences fetch failed: {}", e),
    }

    match activity_result {
        Ok(activity) => response.recent_activity = Some(activity),
        Err(e) => tracing::warn!("Activity fetch failed: {}", e),
    }

    Ok(RpcResponse::success(&response, 0)?)
}

#[circuit_breaker("profile_service")]
#[retry(attempts = 2)]
#[timeout_cascade(percentage = 30)]
async fn get_basic_profile(user_id: String) -> Result<BasicProfile, String> {
    call_profile_service(user_id).await
}

#[circuit_breaker("preferences_service")]
#[fallback("default_preferences")]
#[timeout_cascade(percentage = 30)]
async fn get_user_preferences(user_id: String) -> Result<UserPreferences, String> {
    call_preferences_service(user_id).await
}

#[circuit_breaker("activity_service")]
#[fallback("empty_activity")]
#[timeout_cascade(percentage = 30)]
async fn get_user_activity(user_id: String) -> Result<UserActivity, String> {
    call_activity_service(user_id).await
}

async fn default_preferences(_user_id: String) -> Result<UserPreferences, String> {
    Ok(UserPreferences { language: "en".to_owned(), newsletter: false })
}

async fn empty_activity(_user_id: String) -> Result<UserActivity, String> {
    Ok(UserActivity::default())
}

async fn call_profile_service(user_id: String) -> Result<BasicProfile, String> {
    get("profile_service", &format!("/profiles/{}", segment(&user_id))).await
}

async fn call_preferences_service(user_id: String) -> Result<UserPreferences, String> {
    get("preferences_service", &format!("/preferences/{}", segment(&user_id))).await
}

async fn call_activity_service(user_id: String) -> Result<UserActivity, String> {
    get("activity_service", &format!("/activity/{}", segment(&user_id))).await
}
