use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::client::{Server, builder};

#[tokio::test]
async fn a_server_of_ones_own_takes_the_routes_under_a_path_of_its_choice() {
    let runtime = builder().build().unwrap();
    let own = axum::Router::new().route("/own", axum::routing::get(async || "own"));
    let router = own.nest("/api", runtime.router().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
    let serving = tokio::spawn(async { Ok(()) });
    let server = Server { address, runtime, serving };
    assert_eq!(server.get("/own", &[]).await.body, "own");
    let answer = server.get("/api/orders/7/items/2", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"["7","2",null]"#));
    assert_eq!(server.get("/api/nothing", &[]).await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = super::client::server(builder()).await;
    let answer = server.send("HEAD", "/orders/7/items/2", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-length"), Some("14"));
}
