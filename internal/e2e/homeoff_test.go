//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestHomeShowsWhatASourceShowedLast looks at the home page while a source is off: what it showed last is there, with its age, and
// looking turns nothing on.
func TestHomeShowsWhatASourceShowedLast(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", sleepySource+"&ondemand=0s", "--source", "hall=pattern:?size=320x180")
	off := func(name string) error {
		if info := s.stream(t, name); info.State != "standby" || info.Viewers+info.Readers > 0 {
			return fmt.Errorf("%+v", info)
		}
		return nil
	}
	waitFor(t, 20*time.Second, "both sources are off", func() error { return errors.Join(off("webcam"), off("hall")) })
	response, err := http.Get(s.url + "/snapshot/webcam.jpg") // as of a home automation, which looks at the camera now
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("a picture of a source that is off: status %d", response.StatusCode)
	}
	waitFor(t, 20*time.Second, "the source is off again", func() error { return off("webcam") })

	p := openTab(t, startChromium(t), s.url+"/")
	p.waitTrue(20*time.Second, "what the source showed last, and how old it is",
		`((card) => card?.querySelector(".shot")?.naturalWidth > 0 && card.querySelector(".age").checkVisibility() && /Picture: .* ago/.test(card.innerText) &&
			/Starts when you watch/.test(card.innerText))([...document.querySelectorAll(".stream")].find((card) => card.innerText.includes("webcam")))`)
	p.waitTrue(20*time.Second, "a source that has shown nothing yet",
		`((card) => !!card && !card.querySelector(".shot") && !card.querySelector(".age").checkVisibility() &&
			/Starts when you watch/.test(card.innerText))([...document.querySelectorAll(".stream")].find((card) => card.innerText.includes("hall")))`)
	p.keepPicture("home-off")
	if err := errors.Join(off("webcam"), off("hall")); err != nil {
		t.Errorf("looking at the home page turned something on: %v", err)
	}
}
