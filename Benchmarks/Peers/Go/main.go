// SPDX-License-Identifier: MIT

// Go's net/http, answering GET /hello. GOMAXPROCS is what the CPUs that it may use allow.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

var connections, requests int64

func hello(writer http.ResponseWriter, _ *http.Request) {
	atomic.AddInt64(&requests, 1)
	header := writer.Header()
	header.Set("Content-Type", "text/plain")
	writer.Write([]byte("Hello, World!"))
}

func main() {
	port := flag.Int("port", 0, "port; 0 takes a free one")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "http_go:", err)
		os.Exit(1)
	}
	http.HandleFunc("/hello", hello)
	server := http.Server{ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			atomic.AddInt64(&connections, 1)
		}
	}}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	fmt.Printf("listening on %s\n", listener.Addr())
	go server.Serve(listener)
	<-signals
	server.Close()
	fmt.Printf("total connections=%d requests=%d\n", atomic.LoadInt64(&connections), atomic.LoadInt64(&requests))
}
