package main

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"porthole/internal/certtest"
)

// A method that the router has never heard of is a wrong method like any other.
func TestUnknownMethods(t *testing.T) {
	p := start(t, loopback(patternSource(t)...)...)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for name, tt := range map[string]struct {
		path  string
		allow string
		cors  string
	}{
		"WHIP endpoint": {"/whip/cam", "GET, HEAD, POST, OPTIONS", "*"},
		"WHEP endpoint": {"/whep/cam", "GET, HEAD, POST, OPTIONS", "*"},
		"session":       {"/whep/cam/abc", "GET, HEAD, PATCH, DELETE, OPTIONS", "*"},
		"events":        {"/whep/cam/abc/events", "POST, OPTIONS", "*"},
		"page":          {"/watch/cam", "GET, HEAD", ""},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "PROPFIND", p.url+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != tt.allow ||
				res.Header.Get("Access-Control-Allow-Origin") != tt.cors {
				t.Errorf("status %d, Allow %q, origin %q", res.StatusCode, res.Header.Get("Allow"), res.Header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

func TestServesHTTPS(t *testing.T) {
	cert, key := certtest.SelfSigned(t, t.TempDir(), 1)
	p := start(t, loopback(append(patternSource(t), "--cert", cert, "--key", key)...)...)
	secure := strings.Replace(p.url, "http://", "https://", 1)
	waitFor(t, "the URL to open", func() bool { return strings.Contains(p.stdout.String(), "\n    "+secure+"/\n") })
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test's own certificate
		ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	res, err := client.Get(secure + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("status %d over %s, want 200 over HTTP/2", res.StatusCode, res.Proto)
	}
	plain, err := client.Get(p.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	if got := plain.Request.URL.String(); plain.StatusCode != http.StatusOK || got != secure+"/healthz" {
		t.Errorf("plain HTTP on this port ends with status %d at %s, want to be redirected", plain.StatusCode, got)
	}
}
