package conformance_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const relEvents = "urn:ietf:params:whep:ext:core:server-sent-events"

// eventsURL finds the address of the events in the Link of a 201.
func (r reply) eventsURL() string {
	r.t.Helper()
	return r.linked(relEvents)
}

// linked finds the target of a Link by its relation.
func (r reply) linked(rel string) string {
	r.t.Helper()
	for _, link := range r.header.Values("Link") {
		target, parameters, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
		if strings.Contains(parameters, `"`+rel+`"`) {
			base, err := url.Parse(r.session())
			if err != nil {
				r.t.Fatal(err)
			}
			resolved, err := base.Parse(target)
			if err != nil {
				r.t.Fatal(err)
			}
			return resolved.String()
		}
	}
	r.t.Fatalf("no Link with %s in %q", rel, r.header.Values("Link"))
	return ""
}

// event is one server-sent event.
type event struct{ name, data string }

// listen reads events until the server ends the stream, which closes the channel.
func (s *server) listen(target string) <-chan event {
	s.t.Helper()
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(target)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		s.t.Fatalf("GET %s: status %d, %s", target, res.StatusCode, res.Header.Get("Content-Type"))
	}
	s.t.Cleanup(func() { res.Body.Close() })
	events := make(chan event, 100) // more than a test brings about
	go func() {
		defer close(events)
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			field, v, _ := strings.Cut(lines.Text(), ":")
			v = strings.TrimPrefix(v, " ")
			switch {
			case field == "event":
				e.name = v
			case field == "data":
				e.data += v
			case lines.Text() == "" && e != event{}:
				events <- e
				e = event{}
			}
		}
	}()
	return events
}

// await takes events until one of a name comes.
func await(t testing.TB, events <-chan event, name string) event {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the events ended before %q came", name)
			}
			if !json.Valid([]byte(e.data)) {
				t.Errorf("the data of %q is %q", e.name, e.data)
			}
			if e.name == name {
				return e
			}
		case <-deadline:
			t.Fatalf("waited %v for the event %q", patience, name)
		}
	}
}

// WHEP-11: the extension for server-sent events.
func TestWHEP11Events(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	address := v.reply.eventsURL()
	ask := func(body string) reply {
		return s.do(http.MethodPost, address, body, "Content-Type", "application/json")
	}
	for _, bad := range []string{`["no-such-event"]`, `["active","x"]`, `{}`, `"active"`, `[]`, `[`} {
		ask(bad).is(http.StatusBadRequest)
	}
	s.do(http.MethodPost, address, `["active"]`, "Content-Type", "text/plain").is(http.StatusUnsupportedMediaType)

	r := ask(`["active","inactive","layers","viewercount"]`)
	r.mustBe(http.StatusCreated)
	feed := r.session()
	events := s.listen(feed)
	if e := await(t, events, "active"); e.data != "{}" {
		t.Errorf("the data of active is %s", e.data)
	}
	if e := await(t, events, "viewercount"); e.data != `{"viewercount":1}` {
		t.Errorf("the data of viewercount is %s", e.data)
	}
	another := watchStream(t, s, "row", role{})
	if e := await(t, events, "viewercount"); e.data != `{"viewercount":2}` {
		t.Errorf("the data of viewercount is %s", e.data)
	}
	another.leave()
	s.delete(p.session)
	await(t, events, "inactive")
	publish(t, s, "row", role{})
	await(t, events, "active")

	s.do(http.MethodDelete, feed, "").is(http.StatusOK)
	until(t, patience, "the events to end", func() bool {
		select {
		case _, ok := <-events:
			return !ok
		default:
			return false
		}
	})
	s.do(http.MethodGet, feed, "").is(http.StatusNotFound)

	// Only what was asked for comes, and no "inactive" at the beginning.
	r = ask(`["inactive"]`)
	r.mustBe(http.StatusCreated)
	events = s.listen(r.session())
	s.delete(v.session) // the end of the session is the end of its events
	for e := range events {
		t.Errorf("the event %+v came", e)
	}
	s.do(http.MethodGet, r.session(), "").is(http.StatusNotFound)
}
