//! What a program finds that looks for a network: there is none, and each call says so.

use std::io;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

fn main() {
    say("bind", TcpListener::bind("127.0.0.1:80"));
    say("connect", TcpStream::connect("127.0.0.1:80"));
    say("datagram", UdpSocket::bind("127.0.0.1:80"));
    say("resolve", ("localhost", 80).to_socket_addrs());
}

fn say<T>(what: &str, result: io::Result<T>) {
    match result {
        Ok(_) => println!("{what}: done"),
        Err(error) => println!("{what}: {}", error.kind()),
    }
}
