package peer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

func realOffer(t *testing.T, role negotiate.Role, name string) *negotiate.Offer {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "negotiate", "testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, role, string(body))
}

func TestOnlyChosenPayloadTypesReachPion(t *testing.T) {
	offer := realOffer(t, negotiate.Watch, "chromium-recvonly")
	for _, test := range []struct {
		name  string
		mimes []string
		want  []string // all m= lines and the directions after them
	}{
		{"both", []string{webrtc.MimeTypeH264, webrtc.MimeTypeOpus}, []string{
			"m=video 52616 UDP/TLS/RTP/SAVPF 102 103", "a=recvonly", "m=audio 44300 UDP/TLS/RTP/SAVPF 111", "a=recvonly",
		}},
		// The first section carries the transport of the bundle: Chromium refuses
		// an answer without it when its bundle policy is max-bundle.
		{"audio only", []string{webrtc.MimeTypeOpus}, []string{
			"m=video 52616 UDP/TLS/RTP/SAVPF 96", "a=inactive", "m=audio 44300 UDP/TLS/RTP/SAVPF 111", "a=recvonly",
		}},
		{"video only", []string{webrtc.MimeTypeVP8}, []string{
			"m=video 52616 UDP/TLS/RTP/SAVPF 96 97", "a=recvonly", "m=audio 44300 UDP/TLS/RTP/SAVPF 111", "a=inactive",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			narrowed, err := peer.NarrowOffer(offer, codecs(t, offer, test.mimes...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for l := range strings.SplitSeq(narrowed, "\r\n") {
				if strings.HasPrefix(l, "m=") || l == "a=recvonly" || l == "a=inactive" || l == "a=sendrecv" {
					got = append(got, l)
				}
			}
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if !strings.Contains(narrowed, "a=group:BUNDLE 0 1\r\n") {
				t.Errorf("the bundle is not whole in\n%s", narrowed)
			}
		})
	}
}

func TestChoiceThatWasNotOffered(t *testing.T) {
	offer := realOffer(t, negotiate.Watch, "chromium-recvonly")
	for name, chosen := range map[string]map[string]negotiate.Codec{
		"nothing":          {},
		"an unknown mid":   {"7": offer.Media[0].Codecs[0]},
		"one mid too many": {"0": offer.Media[0].Codecs[0], "7": offer.Media[0].Codecs[0]},
	} {
		if _, err := peer.NarrowOffer(offer, chosen); !errors.Is(err, negotiate.ErrUnusable) {
			t.Errorf("%s: %v, want ErrUnusable", name, err)
		}
	}
}
