package peer_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

func realOffer(t *testing.T, role negotiate.Role, name string) *negotiate.Offer {
	t.Helper()
	return parse(t, role, readOffer(t, name))
}

func readOffer(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "negotiate", "testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The first section carries the transport of the bundle: Chromium refuses an answer
// without it when its bundle policy is max-bundle.
func TestSectionsThatAreNotChosenStayInactive(t *testing.T) {
	offer := realOffer(t, negotiate.Watch, "chromium-recvonly")
	for _, test := range []struct {
		name  string
		mimes []string
		idle  []bool // video, audio
	}{
		{"both", []string{webrtc.MimeTypeH264, webrtc.MimeTypeOpus}, []bool{false, false}},
		{"audio only", []string{webrtc.MimeTypeOpus}, []bool{true, false}},
		{"video only", []string{webrtc.MimeTypeVP8}, []bool{false, true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mids, idle, err := peer.Plan(offer, codecs(t, offer, test.mimes...))
			if err != nil || !slices.Equal(mids, []string{"0", "1"}) || !slices.Equal(idle, test.idle) {
				t.Errorf("sections %v, inactive %v, %v; want 0 and 1, %v", mids, idle, err, test.idle)
			}
		})
	}
}

func TestChoiceThatWasNotOffered(t *testing.T) {
	offer := realOffer(t, negotiate.Watch, "chromium-recvonly")
	for name, chosen := range map[string]map[string]negotiate.Format{
		"nothing":          {},
		"an unknown mid":   {"7": offer.Media[0].Codecs[0]},
		"one mid too many": {"0": offer.Media[0].Codecs[0], "7": offer.Media[0].Codecs[0]},
	} {
		if _, _, err := peer.Plan(offer, chosen); !errors.Is(err, negotiate.ErrUnusable) {
			t.Errorf("%s: %v, want ErrUnusable", name, err)
		}
	}
}
