// Package e2e tests the porthole binary from outside: it starts the real
// program on free ports of the loopback interface and comes to it with the
// clients that people use: WebRTC peers, headless Chromium and FFmpeg.
//
// Its tests carry the build tag e2e, because they need those programs:
// `make test-e2e` installs them and runs the tests. The package exports
// nothing and is imported by nothing.
//
// Some tests need bad networks. They make them of network namespaces, which only
// root may do, and which end with the test.
//
// The environment can say: E2E_BINARY, a porthole to test instead of building
// one; E2E_FFMPEG, an FFmpeg that publishes over WHIP; E2E_AXE, the script of
// axe-core; E2E_ARTIFACTS, where screenshots and the servers' logs are kept (those of
// all pages are else in bin/screenshots); E2E_CHURN, for how long viewers come
// and go before the test looks for what they left behind (30s; give go test a
// -timeout to match).
package e2e
