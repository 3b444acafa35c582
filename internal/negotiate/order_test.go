package negotiate_test

import (
	"errors"
	"testing"

	"porthole/internal/negotiate"
)

// Of two faults of an offer, the one of its syntax is told, wherever it stands.
func TestParseOfferReadsBeforeItJudges(t *testing.T) {
	malformed := map[string][]string{
		"mid":         {"a=mid:1\n", ""},
		"ufrag":       {"a=ice-ufrag", "a=x-ufrag"},
		"pwd":         {"a=ice-pwd", "a=x-pwd"},
		"fingerprint": {"a=fingerprint", "a=x-print"},
		"no hash":     {"3E:5D", "hello"},
		"formats":     {"a=rtpmap:96", "a=x"},
	}
	unusable := map[string][]string{
		"direction":  {"a=sendonly", "a=recvonly"},
		"two audios": {"m=video 9", "m=audio 9"},
		"no bundle":  {"a=group:BUNDLE 0 1\n", ""},
		"outside":    {"BUNDLE 0 1", "BUNDLE 7"},
		"no mux":     {"a=rtcp-mux\n", ""},
		"setup":      {"actpass", "holdconn"},
		"hash":       {"sha-256", "md5"},
		"inactive":   {"a=sendonly", "a=inactive"},
		"transport":  {"m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 UDP"},
	}
	for meaning, second := range unusable {
		if _, err := negotiate.ParseOffer(negotiate.Publish, []byte(offerText(negotiate.Publish, second...))); !errors.Is(err, negotiate.ErrUnusable) {
			t.Errorf("%s alone: %v", meaning, err)
		}
		for syntax, first := range malformed {
			body := offerText(negotiate.Publish, append(append([]string{}, first...), second...)...)
			if _, err := negotiate.ParseOffer(negotiate.Publish, []byte(body)); !errors.Is(err, negotiate.ErrMalformed) {
				t.Errorf("%s and %s: %v, want what wraps %v", syntax, meaning, err, negotiate.ErrMalformed)
			}
		}
	}
}
