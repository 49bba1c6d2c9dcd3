// SPDX-License-Identifier: MIT

// Go's client against the server: client URL FILE_OF_THE_AUTHORITY.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// Every curve, and what must be refused.
func shakeHands(host string, pool *x509.CertPool) {
	for _, curve := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
		connection, err := tls.Dial("tcp", host, &tls.Config{
			RootCAs: pool, CurvePreferences: []tls.CurveID{curve, tls.CurveP256}, NextProtos: []string{"h2", "http/1.1"}})
		check(err)
		if state := connection.ConnectionState(); state.NegotiatedProtocol != "http/1.1" {
			check(fmt.Errorf("protocol %q", state.NegotiatedProtocol))
		}
		check(connection.Close())
	}
	if _, err := tls.Dial("tcp", host, &tls.Config{RootCAs: pool, ServerName: "else.test"}); err == nil {
		check(fmt.Errorf("a wrong name was taken"))
	}
	old := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := tls.Dial("tcp", host, old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		check(fmt.Errorf("TLS 1.1: %v", err))
	}
}

// Bodies both ways on several connections at once.
func exchange(url string, pool *x509.CertPool) {
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 8}}
	body := bytes.Repeat([]byte("0123456789abcdef"), 60000)
	var tasks sync.WaitGroup
	for task := 0; task < 8; task++ {
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			for turn := 0; turn < 20; turn++ {
				answer, err := client.Post(url+"/echo", "application/octet-stream", bytes.NewReader(body))
				check(err)
				back, err := io.ReadAll(answer.Body)
				check(err)
				answer.Body.Close()
				if !bytes.Equal(back, body) {
					check(fmt.Errorf("%d bytes came back", len(back)))
				}
			}
		}()
	}
	tasks.Wait()
}

func main() {
	url := os.Args[1]
	pem, err := os.ReadFile(os.Args[2])
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	shakeHands(strings.TrimPrefix(url, "https://"), pool)
	exchange(url, pool)
	fmt.Println("ok")
}
