use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use steadfast::prelude::*;

use super::client::{builder, server};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

#[service_method("GET /me")]
#[require_auth]
#[rate_limit(requests = 2, per = "minute", by = "user", name = "per-user")]
async fn me(msg: Message) -> Result<String, String> {
    Ok(msg.get_user_id()?)
}

#[service_method("GET /hello")]
async fn hello(msg: Message) -> Result<String, String> {
    Ok(msg.get_user_id().unwrap_or_else(|_| "nobody".to_owned()))
}

fn bearer(user: &str) -> String {
    // The year 2100: whether tokens end is tested where time can be set.
    let claims = json!({ "sub": user, "exp": 4_102_444_800_u64 });
    format!("Bearer {}", encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap())
}

#[tokio::test]
async fn a_bearer_of_a_token_is_its_user_and_has_a_quota_of_its_own() {
    let server = server(builder().jwt_hs256(SECRET)).await;
    for (user, status) in [("u1", 200), ("u1", 200), ("u1", 429), ("u2", 200)] {
        let answer = server.get("/me", &[("Authorization", &bearer(user))]).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"per-user\";q=2;w=60"));
    }
    let forged = server.get("/me", &[("Authorization", "Bearer e30.e30.")]).await;
    assert_eq!((forged.status, forged.header("www-authenticate")), (401, Some("Bearer")));
}

#[tokio::test]
async fn where_nobody_has_to_be_known_whoever_says_so_still_is() {
    let server = server(builder().jwt_hs256(SECRET)).await;
    assert_eq!(server.get("/hello", &[]).await.body, "\"nobody\"");
    assert_eq!(server.get("/hello", &[("Authorization", &bearer("u1"))]).await.body, "\"u1\"");
    assert_eq!(server.get("/hello", &[("Authorization", "Bearer junk")]).await.body, "\"nobody\"");
}
