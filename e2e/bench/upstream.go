package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// What every subject is configured with and both upstreams insist on.
const (
	region       = "eu-west-1"
	account      = "123456789012"
	secretARN    = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:atlas-AbCdEf"
	clientID     = "example-client"
	clientSecret = "example-secret"
	portalURL    = "https://atrip.atriptech.com/login?token=example"
)

// upstream is Secrets Manager or Atlas, on loopback, together with
// the distances at which it has been asked to be.
type upstream struct {
	scheme string
	near   string // address without a distance
	calls  atomic.Int64
	busy   atomic.Int64 // nanoseconds spent answering, from the request's headers to the reply's last byte

	distances map[time.Duration]*distance
}

// newUpstream serves the handler: behind TLS, or in the clear when pair is nil.
// With http2 it offers HTTP/2 beside HTTP/1.1.
func newUpstream(pair *tls.Certificate, http2 bool, handle http.HandlerFunc) (*upstream, error) {
	u := &upstream{scheme: "http", distances: map[time.Duration]*distance{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u.near = listener.Addr().String()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(http2)
	server := &http.Server{
		Protocols: protocols,
		// Subjects are killed when they are done; what their connections say then is no news.
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			u.calls.Add(1)
			handle(w, r)
			_ = http.NewResponseController(w).Flush()
			u.busy.Add(int64(time.Since(began)))
		}),
	}
	if pair == nil {
		go server.Serve(listener)
		return u, nil
	}
	u.scheme = "https"
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*pair}}
	go server.ServeTLS(listener, "", "")
	return u, nil
}

// at returns the URL at which the upstream is rtt away.
func (u *upstream) at(rtt time.Duration) (string, error) {
	if rtt == 0 {
		return u.scheme + "://" + u.near, nil
	}
	if d, ok := u.distances[rtt]; ok {
		return u.scheme + "://" + d.addr(), nil
	}
	d, err := newDistance(u.near, rtt)
	if err != nil {
		return "", err
	}
	u.distances[rtt] = d
	return u.scheme + "://" + d.addr(), nil
}

// secretsManager answers GetSecretValue for the one secret, after a service
// time. A request that Secrets Manager would not answer ends the run: a subject
// that does other work than the rest is not worth a figure.
func secretsManager(service func() time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || !strings.Contains(string(body), secretARN) ||
			!strings.Contains(r.Header.Get("Authorization"), "/"+region+"/secretsmanager/aws4_request") {
			log.Fatalf("a request that Secrets Manager would refuse: %v %s", r.Header, body)
		}
		time.Sleep(service())
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"ARN":%q,"Name":"atlas","VersionId":"11111111-1111-1111-1111-111111111111",`+
			`"SecretString":"{\"clientId\":\"%s\",\"clientSecret\":\"%s\"}","VersionStages":["AWSCURRENT"],"CreatedDate":1700000000}`,
			secretARN, clientID, clientSecret)
	}
}

// atlas answers getAtripToken.do.
func atlas(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Method != "POST" || r.URL.Path != "/getAtripToken.do" || r.Header.Get("x-atlas-client-id") != clientID ||
		r.Header.Get("x-atlas-client-secret") != clientSecret || !strings.Contains(string(body), "XPFIW20220209163159425") {
		log.Fatalf("a request that Atlas would refuse: %s %s %v %s", r.Method, r.URL, r.Header, body)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"url":%q,"status":0,"msg":null}`, portalURL)
}
