package conformance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

var iceLine = []string{"a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"}

func isICE(line string) bool {
	return slices.ContainsFunc(iceLine, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

// newICE makes new credentials on the client's side and returns them, with its
// candidates, as a fragment.
func (p *peer) newICE() string {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		p.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	wait(p.t, patience, "the client's own candidates", gathered)
	section := parse(p.pc.LocalDescription().SDP).sections[0]
	return trickle(value(section, "ice-ufrag"), value(section, "ice-pwd"), "candidate:"+value(section, "candidate"))
}

// restart restarts ICE as a client does: the fragment that comes back takes the
// place of what the answer said of ICE.
func (p *peer) restart(ifMatch string) reply {
	p.t.Helper()
	r := p.server.patch(p.session, p.newICE(), ifMatch)
	r.mustBe(http.StatusOK)
	var answer strings.Builder
	for line := range strings.Lines(p.pc.CurrentRemoteDescription().SDP) {
		if isICE(line) {
			continue
		}
		answer.WriteString(line)
		if !strings.HasPrefix(line, "a=mid:") {
			continue
		}
		for ice := range strings.Lines(r.body) {
			if isICE(ice) {
				answer.WriteString(ice)
			}
		}
	}
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.String()})
	if err != nil {
		p.t.Fatalf("the client refuses the restart: %v\n%s", err, answer.String())
	}
	return r
}

// ICE-05: a restart is told by its credentials, with If-Match: * in either form.
func TestICE05Restart(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		session := s.created(endpoint, offer).session()
		for i, ifMatch := range []string{"*", `"*"`} {
			fragment := trickle("new"+ifMatch[:i+1], strings.Repeat("n", 22+i), goodCandidate)
			s.patch(session, strings.NewReplacer(`"`, "x", "*", "y").Replace(fragment), ifMatch).is(http.StatusOK)
		}
		fragment := trickle("newer", strings.Repeat("m", 22), goodCandidate)
		s.patch(session, fragment, "").is(http.StatusPreconditionRequired)
		s.patch(session, fragment, `"other"`).is(http.StatusPreconditionFailed)
	})
}

// ICE-06: a restart while media flows, of the publisher and of a viewer.
func TestICE06RestartWhileMediaFlows(t *testing.T) {
	t.Parallel()
	s := start(t)
	timer := s.StartTimer()
	p := publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video", "audio")
	video := v.received["video"]
	for name, client := range map[string]*peer{"publisher": p, "viewer": v} {
		old := client.reply.header.Get("ETag")
		for range 2 { // what one restart leaves behind must do for the next
			video.awaitMore(t, 30)
			requireGapless(t, name+", before", video.seen()[video.count()-30:])
			before, tag := video.count(), old
			r := client.restart("*")
			requireNewICE(t, r, client.reply.body)
			video.awaitMore(t, 60)
			packets := video.seen()[before-1:]
			if holes := holesOf(packets); len(holes) > 1 {
				t.Errorf("%s: the switch has the holes %v", name, holes)
			}
			requireGapless(t, name+", after", packets[len(packets)-30:])
			if old = r.header.Get("ETag"); old == "" || old == tag {
				t.Errorf("%s: the ETag after the restart is %q, before %q", name, old, tag)
			}
			section := parse(client.pc.LocalDescription().SDP).sections[0]
			fragment := trickle(value(section, "ice-ufrag"), value(section, "ice-pwd"), "candidate:"+value(section, "candidate"))
			s.patch(client.session, fragment, tag).is(http.StatusPreconditionFailed)
			s.patch(client.session, fragment, old).is(http.StatusNoContent)
		}
	}
	if longest, lost := video.longestPause(), timer.Lost(); longest > 2*time.Second+lost {
		t.Errorf("the picture stood still for %v, the machine let us wait for %v", longest, lost)
	}
	s.do(http.MethodGet, v.session, "").is(http.StatusOK)
}

// requireNewICE checks the answer to a restart.
func requireNewICE(t testing.TB, r reply, answer string) {
	t.Helper()
	r.has("Content-Type", typeFragment)
	lines := strings.Split(r.body, "\r\n")
	before := parse(answer).sections[0]
	for _, name := range []string{"ice-ufrag", "ice-pwd"} {
		if v := value(lines, name); v == "none" || v == value(before, name) {
			t.Errorf("the server's %s is %s after the restart, %s before", name, v, value(before, name))
		}
	}
	if len(values(lines, "candidate")) == 0 || len(values(lines, "end-of-candidates")) == 0 || strings.Count(r.body, "\n") != strings.Count(r.body, "\r\n") {
		t.Errorf("the fragment is %q", r.body)
	}
}

// holesOf returns how many numbers are missing at each place where some are.
func holesOf(packets []*rtp.Packet) (holes []int) {
	for i := 1; i < len(packets); i++ {
		if missing := int(packets[i].SequenceNumber - packets[i-1].SequenceNumber); missing > 1 && missing < 1<<15 {
			holes = append(holes, missing-1)
		}
	}
	return holes
}

func requireGapless(t testing.TB, when string, packets []*rtp.Packet) {
	t.Helper()
	if holes := holesOf(packets); len(holes) > 0 {
		t.Errorf("%s: %d holes, %v, in %d packets", when, len(holes), holes, len(packets))
	}
}

// longestPause is the longest time between two packets.
func (t *track) longestPause() (longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := 1; i < len(t.times); i++ {
		longest = max(longest, t.times[i].Sub(t.times[i-1]))
	}
	return longest
}

// ICE-07: a restart that is refused changes nothing.
func TestICE07RefusedRestart(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	for _, client := range []*peer{p, v} {
		section := parse(client.offer).sections[0]
		ufrag, pwd := value(section, "ice-ufrag"), value(section, "ice-pwd")
		for _, fragment := range []string{
			"a=ice-ufrag:other\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=" + goodCandidate + "\r\n", // half of the credentials
			trickle("other", pwd, goodCandidate),
		} {
			r := s.patch(client.session, fragment, "*")
			if r.status < 400 || r.status >= 600 {
				t.Errorf("%s is answered %d", fragment, r.status)
			}
		}
		v.plays("video")
		s.patch(client.session, trickle(ufrag, pwd, goodCandidate), client.reply.header.Get("ETag")).is(http.StatusNoContent)
	}
}
