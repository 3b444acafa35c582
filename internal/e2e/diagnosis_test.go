//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWatchPageSaysWhy opens a page that tells no address of its own and is told one
// where nobody is. It has to show the sentence that the API and the log have.
func TestWatchPageSaysWhy(t *testing.T) {
	t.Parallel()
	const nowhere = "198.51.100.99" // RFC 5737
	s := startServer(t, "--source", patternSource, "--advertise", nowhere, "--turn-listen", "off")
	s.waitLive(t, "webcam", true, 20*time.Second)
	// Without a relay, a browser that may use nothing else has no address at all.
	page := openTab(t, startChromium(t), s.url+"/watch/webcam", `
		window.RTCPeerConnection = class extends RTCPeerConnection {
			constructor(configuration) { super({ ...configuration, iceTransportPolicy: 'relay' }); }
		};`)

	var sentence string
	waitFor(t, 60*time.Second, "the page to say why there is no picture", func() error {
		var list struct {
			Sessions []struct{ ID, Code, Diagnosis string }
		}
		if err := json.Unmarshal([]byte(s.call(t, http.MethodGet, "/api/sessions", "").body), &list); err != nil {
			t.Fatal(err)
		}
		text := eval[string](page, "read the player's text", "document.querySelector('whep-video').shadowRoot.textContent")
		for _, session := range list.Sessions {
			if session.Diagnosis == "" {
				continue
			}
			if sentence = session.Diagnosis; strings.Contains(text, sentence) {
				t.Logf("%s: %s", session.Code, sentence)
				return nil
			}
		}
		return fmt.Errorf("sessions %+v, the page says %.300q", list.Sessions, text)
	})
	if !strings.Contains(sentence, nowhere) {
		t.Errorf("the sentence does not name the address: %s", sentence)
	}
	waitFor(t, 30*time.Second, "the log to say the same", func() error {
		for record := range strings.Lines(s.Log()) {
			if strings.Contains(record, "session ended") && strings.Contains(record, nowhere) {
				return nil
			}
		}
		return errors.New("no line at the end of a session names the address")
	})
}
