//! The room server's two example clients.

use super::wire::Wire;
use crate::support::Server;

fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
    })
}

/// The TCP client: the object without a line end, then what the user types.
fn tcp_client(server: &Server, name: &str, room: &str) -> Wire {
    let mut client = Wire::connect(server.address("tcp"));
    client.send(format!(r#"{{"name":"{name}","room":"{room}"}}"#));
    client
}

/// The WebSocket client, whose library sends its origin unchanged.
fn websocket_client(server: &Server, name: &str, room: &str) -> Wire {
    let at = server.address("ws");
    let mut client = Wire::connect(at);
    client.send(format!(
        "GET /mychat HTTP/1.1\r\nHost: {at}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: 6N8rGTCPzRxJC7dgBx4jLA==\r\nOrigin: http://{at}/\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    ));
    let answer = client.answer();
    assert_eq!(answer.status, 101);
    let accept = answer.field("sec-websocket-accept");
    assert_eq!(accept, Some("oDwVno94w1dMA0L/Jk/p4PZmB8w="));
    client.send_text(&format!(r#"{{"name":"{name}","room":"{room}"}}"#));
    client
}

#[test]
fn both_clients_meet_in_a_room() {
    let server = start();
    let mut mina = tcp_client(&server, "Mina", "dev");
    mina.send("hello\n");
    assert_eq!(mina.line(), "Mina:hello\n");
    let mut user = websocket_client(&server, "User123", "dev");
    user.send_text("over websocket\n");
    assert_eq!(user.text(), "User123:over websocket\n");
    assert_eq!(mina.line(), "User123:over websocket\n");
    mina.send("over tcp\n");
    assert_eq!(user.text(), "Mina:over tcp\n");
    assert_eq!(mina.line(), "Mina:over tcp\n");
}

#[test]
fn lines_are_passed_on_as_typed() {
    let server = start();
    let mut mina = tcp_client(&server, "Mina", "dev");
    for line in ["a", "", "two  ", "  indented", "{\"name\":\"x\"}", "/quit"] {
        mina.send(format!("{line}\n"));
        assert_eq!(mina.line(), format!("Mina:{line}\n"));
    }
}

#[test]
fn rooms_are_apart_and_a_name_is_free_again_when_its_client_has_gone() {
    let server = start();
    let mut mina = tcp_client(&server, "Mina", "dev");
    mina.send("here\n");
    assert_eq!(mina.line(), "Mina:here\n");
    let mut elsewhere = tcp_client(&server, "Jon", "lounge");
    elsewhere.send("alone\n");
    assert_eq!(elsewhere.line(), "Jon:alone\n");
    // The same name twice: the older server ignored the second one for ever.
    let mut again = tcp_client(&server, "Mina", "lounge");
    assert!(again.line().contains("taken"));
    assert!(again.is_closed());
    mina.send("only here\n");
    assert_eq!(mina.line(), "Mina:only here\n");
    drop(mina);
    crate::support::wait_until("the name is free", || {
        let mut mina = tcp_client(&server, "Mina", "lounge");
        mina.send("back\n");
        mina.line() == "Mina:back\n"
    });
}

#[test]
fn what_is_no_beginning_ends_the_connection() {
    let server = start();
    for beginning in ["hello\n", "{\"name\":7,\"room\":\"dev\"}", "[]"] {
        let mut client = Wire::connect(server.address("tcp"));
        client.send(beginning);
        assert!(
            client
                .line()
                .contains(r#"{"name":"Mina","room":"devroom"}"#)
        );
        assert!(client.is_closed());
    }
}
