use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn hs256(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

fn runtime() -> Runtime {
    builder().jwt_hs256(SECRET).build().unwrap()
}

async fn with(runtime: &Runtime, token: &str) -> Result<Principal, Rejection> {
    known(runtime, from("10.0.0.1").header("Authorization", format!("Bearer {token}"))).await
}

#[tokio::test(start_paused = true)]
async fn a_token_tells_user_roles_and_claims() {
    let token = hs256(&json!({
        "sub": "u1", "exp": NOON + 60, "roles": ["admin"], "scope": "read write", "tenant": 7
    }));
    let principal = with(&runtime(), &token).await.unwrap();
    assert_eq!(principal.user(), Some("u1"));
    assert_eq!(principal.roles().collect::<Vec<_>>(), ["admin", "read", "write"]);
    assert_eq!(principal.claim("tenant"), Some(&json!(7)));
}

#[tokio::test(start_paused = true)]
async fn a_token_must_end_and_must_not_have_ended_by_the_runtimes_clock() {
    let runtime = runtime();
    let refused = async |claims: Value| problem(with(&runtime, &hs256(&claims)).await);
    let no_end = "not authenticated: the token lacks a claim that is required";
    assert_eq!(refused(json!({ "sub": "u1" })).await, no_end);
    let ended = "not authenticated: the token has expired";
    assert_eq!(refused(json!({ "sub": "u1", "exp": NOON - 30 })).await, ended);
    assert!(with(&runtime, &hs256(&json!({ "sub": "u1", "exp": NOON - 29 }))).await.is_ok());
    let early = json!({ "sub": "u1", "exp": NOON + 99, "nbf": NOON + 31 });
    assert_eq!(refused(early).await, "not authenticated: the token is not valid yet");
    assert_eq!(refused(json!({ "exp": NOON + 1 })).await, "not authenticated: the token names no user");
    refused(json!({ "sub": "u1", "exp": "soon" })).await;
    refused(json!({ "sub": "u1", "exp": -1 })).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(refused(json!({ "sub": "u1", "exp": NOON - 29 })).await, ended);
}

#[tokio::test(start_paused = true)]
async fn the_key_says_how_a_token_is_checked_and_never_the_token() {
    let claims = json!({ "sub": "u1", "exp": NOON + 60 });
    let runtime = runtime();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let hs512 = encode(&Header::new(Algorithm::HS512), &claims, &key).unwrap();
    problem(with(&runtime, &hs512).await);
    let signed = hs256(&claims);
    let (_, rest) = signed.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for forged in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        signed[..signed.len() - 2].to_owned(),
        "junk".to_owned(),
        "..".to_owned(),
    ] {
        assert_eq!(problem(with(&runtime, &forged).await), "not authenticated: the token is not valid");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_for_somebody_else_is_refused() {
    let jwt = Jwt::hs256(SECRET).unwrap().issuer("us").audience("shop");
    let ours = builder().authenticator(jwt).build().unwrap();
    let token =
        |iss: Value, aud: Value| hs256(&json!({ "sub": "u1", "exp": NOON + 60, "iss": iss, "aud": aud }));
    assert!(with(&ours, &token(json!("us"), json!(["shop", "other"]))).await.is_ok());
    for (iss, aud) in
        [(json!("they"), json!("shop")), (json!("us"), json!("other")), (json!(null), json!("shop"))]
    {
        problem(with(&ours, &token(iss, aud)).await);
    }
    problem(with(&runtime(), &token(json!("us"), json!("shop"))).await);
}

#[tokio::test(start_paused = true)]
async fn a_short_secret_is_taken_only_where_it_is_asked_for() {
    let runtime = builder().authenticator(Jwt::hs256_of_any_length("demo").unwrap()).build().unwrap();
    let token = |secret: &[u8]| {
        let claims = json!({ "sub": "u1", "exp": NOON + 60 });
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    assert_eq!(with(&runtime, &token(b"demo")).await.unwrap().user(), Some("u1"));
    problem(with(&runtime, &token(b"dem0")).await);
    assert!(Jwt::hs256_of_any_length("").is_err());
}

#[test]
fn a_key_that_checks_nothing_is_an_error_where_the_runtime_is_built() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = tokio.enter();
    let error = builder().jwt_hs256("short").jwt_rs256("no key").build().unwrap_err().to_string();
    assert!(error.contains("at least 32 bytes") && error.contains("no public RSA key"), "{error}");
}

/// The key's private half signed `RS256_TOKEN` and was thrown away.
const RS256_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuLzoHcMk/d6MPSkdPqxy\n\
BOZ2RZYKKObU094j96q3JNaKBdtpAoh6UZ3jPJbx7Oy8CchZ2hvv2D/wOr+8PupU\n\
tBH0gepFNZT9eO2zU6M3YOMjys410xSBANmqWot+y8XEFtlZcPk6VObkaeu7oEsc\n\
cz7KsYm4TdKvNTqU4v8mRXkyGflvDSQ30a2u58hov7rggvlVanqozfXmyj+64RgW\n\
MLcV9V0G0XMtuwxP8fGr8MizZLLi2rrNaj2PaGeUDFPdpdE2wk41q67i37KhUxNP\n\
7dgl1tYrLF3L2F8JnRhWCjvs+iy3lg3+jHK+wrE3vBVzVLY/EY33RYN+Oc9uw1vt\n\
dwIDAQAB\n\
-----END PUBLIC KEY-----\n\
";

/// {"sub":"u1","exp":1800000060}
const RS256_TOKEN: &str = "\
eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1MSIsImV4cCI6MTgwMDAwMDA2MH0.iuuLdwPiGjUzZEDS_lHGTmd\
iWl_0v2rNmoIaseuSa5wtbBIfZFfoS6viVbMsZd17cNAxeagWpJNpT7aGyCJa3YFmpa-iUflp5thaleswoJQDRrAyqPh4_jq0h5g\
pN9W3s4b8h0qApX9_XXRqMbVZ5_C5-bBHk85Z2fciu-ECXgAmIQ7Eeo1fMJ2GAQseO7U1mzNLKyZB8lwOtM5zBHVs7n1I2t6On4I\
_Pinxx7ujonL5_EL8JrMmbPmijl14wFo3YLqL9KKlTTaWOIU4rdk9sNS3yYzgF3gaay9i-mnT-1OUo_KVvWkg5TM2s5P7QsmpeWL\
jdk3RAAgDFzN2wDjvqQ";

#[tokio::test(start_paused = true)]
async fn a_token_may_be_signed_with_a_private_key_that_we_never_see() {
    let runtime = builder().jwt_rs256(RS256_KEY).build().unwrap();
    assert_eq!(with(&runtime, RS256_TOKEN).await.unwrap().user(), Some("u1"));
    // The public key is no secret: taken for one, it would let anybody sign.
    let key = EncodingKey::from_secret(RS256_KEY.as_bytes());
    let claims = json!({ "sub": "u1", "exp": NOON + 60 });
    let forged = encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
    problem(with(&runtime, &forged).await);
}
