//go:build e2e

package e2e_test

import (
	"strings"
	"testing"

	"porthole/internal/certtest"
)

// startSecure is startProgram with HTTPS, by a certificate of its own.
func startSecure(t testing.TB, program string, args ...string) *server {
	t.Helper()
	certificate, key := certtest.SelfSigned(t, t.TempDir(), 1)
	s := startProgram(t, program, append(args, "--cert", certificate, "--key", key)...)
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	s.certificate = certificate
	return s
}
