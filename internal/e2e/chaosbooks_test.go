//go:build e2e && linux

package e2e_test

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"time"
)

// listed is a session in the API's list.
type listed struct {
	ID, Protocol, Stream, State string
	Since, Ended                time.Time
	Packets                     int
}

func (c *chaos) sessions() ([]listed, error) {
	req, err := http.NewRequest(http.MethodGet, c.s.url+"/api/sessions", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+chaosToken)
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var list struct{ Sessions []listed }
	err = json.NewDecoder(resp.Body).Decode(&list)
	return slices.DeleteFunc(list.Sessions, func(l listed) bool { return !l.Ended.IsZero() }), err
}

// requireDeadlines checks that no session is older than what it waits for allows.
func (c *chaos) requireDeadlines() {
	list, err := c.sessions()
	if err != nil {
		c.t.Errorf("list the sessions: %v", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if most := chaosPlaces + 4; len(list) > most+len(c.left) {
		c.t.Errorf("%d sessions", len(list))
	}
	for _, l := range list {
		age := time.Since(l.Since)
		if (l.State == "answered" || l.State == "connecting") && age > 25*time.Second {
			c.t.Errorf("session %s is %s for %v", l.ID, l.State, age)
		}
		if at, ok := c.left[l.ID]; ok && time.Since(at) > gone {
			c.t.Errorf("session %s of %s is there %v after its client left", l.ID, l.Stream, time.Since(at))
			delete(c.left, l.ID) // said once
		}
	}
}

// leave notes that the client of a session is no more.
func (c *chaos) leave(p *peer) {
	if p.resource == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left[path.Base(p.resource)] = time.Now()
}

// requireBooks checks that what the server counts adds up.
func (c *chaos) requireBooks() {
	c.t.Helper()
	answered, ended, present := c.s.metric(c.t, "porthole_answer_seconds_count"), c.s.metric(c.t, "porthole_sessions_ended_total"), c.s.metric(c.t, "porthole_sessions")
	c.t.Logf("%v sessions were answered, %v have ended, %v are there", answered, ended, present)
	if answered != ended+present {
		c.t.Errorf("%v sessions were answered, but %v have ended and %v are there", answered, ended, present)
	}
	if n := c.s.metric(c.t, "porthole_panics_total"); n != 0 {
		c.t.Errorf("%v panics", n)
	}
	list, err := c.sessions()
	if err != nil {
		c.t.Fatal(err)
	}
	counted := c.control.video.counts().packets + c.control.audio.counts().packets
	for _, l := range list {
		if l.ID != path.Base(c.control.resource) {
			continue
		}
		// The list was made before, and packets are on their way.
		if off := counted - l.Packets; off < -50 || off > 200 {
			c.t.Errorf("the control viewer got %d packets, the server counted %d", counted, l.Packets)
		}
		return
	}
	c.t.Errorf("the control viewer's session %s is not in the list: %v", path.Base(c.control.resource), list)
}
