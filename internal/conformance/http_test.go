package conformance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// both runs a row for a WHIP and for a WHEP endpoint of an open server. offer is
// one that is taken there; a stream is live for the viewers.
func both(t *testing.T, test func(t *testing.T, s *server, endpoint, offer string)) {
	t.Helper()
	t.Parallel()
	t.Run("WHIP", func(t *testing.T) {
		test(t, start(t), "/whip/row", whipOffer(t))
	})
	t.Run("WHEP", func(t *testing.T) {
		s := start(t)
		publish(t, s, "row", role{})
		test(t, s, "/whep/row", whepOffer(t))
	})
}

// HTTP-01: a good POST is answered 201 with the answer.
func TestHTTP01Created(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		r.has("Content-Type", typeSDP)
		if !strings.HasPrefix(r.body, "v=0\r\n") {
			t.Errorf("the body begins %.10q", r.body)
		}
		if r.header.Get("Location") == "" {
			t.Error("there is no Location")
		}
	})
}

// HTTP-02: Location is a path or a URL, without a query, and leads to the session.
func TestHTTP02Location(t *testing.T) {
	form := regexp.MustCompile(`^(https?://|/)[^?]*$`)
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for _, target := range []string{endpoint + "?x=y", endpoint + "/"} {
			r := s.created(target, offer)
			if location := r.header.Get("Location"); !form.MatchString(location) {
				t.Errorf("Location is %q", location)
			}
			s.do(http.MethodOptions, r.session(), "").is(http.StatusOK)
			s.delete(r.session())
		}
	})
}

// HTTP-02, behind a reverse proxy that takes a prefix off the path: when it may not tell
// the prefix, Location is relative, and right below any.
func TestHTTP02BehindAProxy(t *testing.T) {
	t.Parallel()
	const prefix = "/cam/one"
	trusting, strict := start(t, "--trusted-proxy", "127.0.0.1"), start(t)
	for s, want := range map[*server]string{trusting: prefix + "/whip/row/", strict: "../whip/row/"} {
		r := s.created("/whip/row", whipOffer(t), "X-Forwarded-Prefix", prefix)
		if location := r.header.Get("Location"); !strings.HasPrefix(location, want) {
			t.Errorf("Location is %q, want %s…", location, want)
		}
	}
	local := regexp.MustCompile(`^/[^/?#\\][^?#\\]*$`) // a path, and not //host
	for i, bad := range []string{"//evil.example", "https://evil.example", "/a?b=", "/../..", "x", `/\evil.example`} {
		r := trusting.created(fmt.Sprintf("/whip/bad%d", i), whipOffer(t), "X-Forwarded-Prefix", bad)
		if location := r.header.Get("Location"); !local.MatchString(location) {
			t.Errorf("the prefix %q gives the Location %q", bad, location)
		}
	}
}

// HTTP-03: a session's id cannot be guessed.
func TestHTTP03UnguessableSession(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := regexp.MustCompile(`^[A-Za-z0-9_-]{22,}$`)
	seen := make(map[string]bool)
	prefixes := make(map[string]bool)
	for i := range 20 {
		session := s.created(fmt.Sprintf("/whip/row%d", i), whipOffer(t)).session()
		id := session[strings.LastIndexByte(session, '/')+1:]
		if !long.MatchString(id) || seen[id] {
			t.Errorf("the id %q is short or was given before", id)
		}
		seen[id] = true
		prefixes[id[:8]] = true
	}
	if len(prefixes) != 20 {
		t.Errorf("%d different beginnings of 20 ids", len(prefixes))
	}
}

// HTTP-04: the media type of an offer, in any case and with parameters.
func TestHTTP04MediaType(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for mediaType, want := range map[string]int{
			"text/plain": 415, "": 415, "application/json": 415, "application/sdpx": 415, "/": 415,
			"Application/SDP; charset=utf-8": 201, "application/sdp;": 201,
		} {
			r := s.do(http.MethodPost, endpoint, offer, "Content-Type", mediaType)
			if r.is(want) && want == http.StatusCreated {
				s.delete(r.session())
			}
		}
	})
}

// HTTP-05: what is no offer is 400 and leaves nothing behind.
func TestHTTP05Malformed(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		before := s.sessions()
		fingerprint := regexp.MustCompile(`a=fingerprint:.*\r\n`)
		for name, body := range map[string]string{
			"empty": "", "no SDP": "v=0\r\nhello", "garbage": "\x00\xff\xfe",
			"no fingerprint": fingerprint.ReplaceAllString(offer, ""),
			"no mid":         strings.NewReplacer("a=mid:0\r\n", "", "a=mid:1\r\n", "").Replace(offer),
			"no ufrag":       strings.ReplaceAll(offer, "a=ice-ufrag:abcd\r\n", ""),
		} {
			t.Run(name, func(t *testing.T) { s.post(endpoint, body).is(http.StatusBadRequest) })
		}
		// What is beyond the bounds of an offer is not read, so that nobody knows whether it is one.
		s.post(endpoint, "v=0\r\no="+strings.Repeat("x", 60_000)).is(http.StatusUnprocessableEntity)
		if after := s.sessions(); after != before {
			t.Errorf("%d sessions, %d before", after, before)
		}
	})
}

// HTTP-06: the body is bounded, and the connection survives it or is closed.
func TestHTTP06BodyLimit(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		big := strings.Repeat("a=x:0123456789abcd\r\n", 1<<20/20)
		s.post(endpoint, big).is(http.StatusRequestEntityTooLarge)

		conn := dial(t, s)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", endpoint, len(big), big)
		in := bufio.NewReader(conn)
		if status := readStatus(t, in); status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", status)
		}
		fmt.Fprintf(conn, "OPTIONS %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", endpoint)
		if res, err := http.ReadResponse(in, nil); err == nil { // not closed: it must work
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("the connection is open, and the next request on it is answered %d", res.StatusCode)
			}
		}
		s.created(endpoint, offer)
	})
}

// HTTP-06, with a limit of the operator's.
func TestHTTP06ConfiguredLimit(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-body", "20000")
	s.post("/whip/row", strings.Repeat("x", 25_000)).is(http.StatusRequestEntityTooLarge)
	s.created("/whip/row", whipOffer(t))
}

// dial opens a TCP connection to the server's HTTP port.
func dial(t testing.TB, s *server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// readStatus reads one response.
func readStatus(t testing.TB, in *bufio.Reader) int {
	t.Helper()
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// HTTP-06, for clients that take their time: 408 when the body does not come, the end
// of the connection when not even the head does.
func TestHTTP06Deadlines(t *testing.T) {
	t.Parallel()
	s := start(t, "--header-timeout", "1s", "--body-timeout", "1s")
	for name, c := range map[string]struct{ sent, want string }{
		"head": {"POST /whip/row HTTP/1.1\r\nHost: localhost\r\n", ""},
		"body": {"POST /whip/row HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: 500\r\n\r\nv=0\r\n", "HTTP/1.1 408 "},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err = io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			answer, err := io.ReadAll(conn)
			if err != nil {
				t.Fatalf("the connection was not closed: %v", err)
			}
			if !strings.HasPrefix(string(answer), c.want) || c.want == "" && len(answer) > 0 {
				t.Errorf("answered %q", answer)
			}
		})
	}
}

// HTTP-07: GET is 2xx without content, on both resources.
func TestHTTP07Get(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for _, target := range []string{endpoint, s.created(endpoint, offer).session()} {
			r := s.do(http.MethodGet, target, "")
			r.is(http.StatusOK, http.StatusNoContent)
			r.empty()
		}
	})
}

// HTTP-08: other methods are 405 with the real ones in Allow.
func TestHTTP08MethodNotAllowed(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		session := s.created(endpoint, offer).session()
		for _, c := range []struct {
			target string
			others []string
			allow  []string
		}{
			{endpoint, []string{"PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}, []string{"GET", "HEAD", "POST", "OPTIONS"}},
			{session, []string{"PUT", "POST", "TRACE", "PROPFIND"}, []string{"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}},
		} {
			for _, method := range c.others {
				r := s.do(method, c.target, "{}", "Content-Type", "application/json")
				r.is(http.StatusMethodNotAllowed)
				r.lists("Allow", c.allow...)
				for _, other := range c.others {
					if r.listed("Allow", other) {
						t.Errorf("%s: Allow is %q, which is not so", r.what, r.header.Get("Allow"))
					}
				}
			}
		}
		s.delete(session) // it lives
	})
}

// HTTP-13: bearer tokens (RFC 6750).
func TestHTTP13Bearer(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "pub-secret", "--view-token", "view-secret")
	publish(t, s, "live", role{headers: []string{"Authorization", "Bearer pub-secret"}})
	for _, c := range []struct {
		endpoint, token string
		want            int
	}{
		{"/whip/row", "", 401},
		{"/whip/row", "Bearer wrong", 401},
		{"/whip/row", "Basic cHViLXNlY3JldA==", 401},
		{"/whip/row", "Bearer view-secret", 403}, // valid, but not for this
		{"/whip/row", "Bearer pub-secret", 201},
		{"/whip/row2", "bearer pub-secret", 201},
		{"/whip/row3", "BEARER pub-secret", 201},
		{"/whep/live", "", 401},
		{"/whep/live", "Bearer wrong", 401},
		{"/whep/live", "Bearer view-secret", 201},
	} {
		offer := whipOffer(t)
		if strings.HasPrefix(c.endpoint, "/whep/") {
			offer = whepOffer(t)
		}
		r := s.post(c.endpoint, offer, "Authorization", c.token)
		r.is(c.want)
		challenge := r.header.Get("WWW-Authenticate")
		if c.want == 401 && !strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s with %q: WWW-Authenticate is %q", c.endpoint, c.token, challenge)
		}
		if sent := strings.HasPrefix(c.token, "Bearer ") && c.want == 401; strings.Contains(challenge, `error="invalid_token"`) != sent {
			t.Errorf("%s with %q: WWW-Authenticate is %q", c.endpoint, c.token, challenge)
		}
	}
}

// HTTP-14: without tokens, whatever the client sends as one is ignored.
func TestHTTP14NoAuthIgnoresTokens(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for _, token := range []string{"Bearer undefined", "Bearer", "Basic eDp5", "nonsense"} {
			s.delete(s.created(endpoint, offer, "Authorization", token).session())
		}
	})
}

// HTTP-15: the order of checks, one request for each pair of neighbours.
func TestHTTP15OrderOfChecks(t *testing.T) {
	t.Parallel()
	const good, bad = "Bearer secret", "Bearer wrong"
	s := start(t, "--publish-token", "secret", "--view-token", "secret", "--max-viewers", "1")
	publish(t, s, "live", role{headers: []string{"Authorization", good}})
	s.created("/whep/live", whepOffer(t), "Authorization", good) // takes the only viewer's place
	huge := strings.Repeat("x", 200<<10)                         // so little that the server reads it to its end in any case
	unusable := whipOffer(t, "sendonly", "recvonly")
	for _, c := range []struct {
		what, method, path, token, mediaType, body string
		want                                       int
	}{
		{"preflight before route", "OPTIONS", "/whip/no%20name", bad, "", "", 200},
		{"route before method", "PUT", "/whip/no%20name", bad, "", "", 404},
		{"method before token", "PUT", "/whip/row", bad, "", "", 405},
		{"token before type", "POST", "/whip/row", bad, "text/plain", "hello", 401},
		{"token before size", "POST", "/whip/row", bad, typeSDP, huge, 401},
		{"token before state", "POST", "/whip/live", bad, typeSDP, whipOffer(t), 401},
		{"type before size", "POST", "/whip/row", good, "text/plain", huge, 415},
		{"type before syntax", "POST", "/whip/row", good, "text/plain", "hello", 415},
		{"size before syntax", "POST", "/whip/row", good, typeSDP, huge, 413},
		{"syntax before meaning", "POST", "/whip/row", good, typeSDP, strings.ReplaceAll(unusable, "a=mid:", "a=x-mid:"), 400},
		{"no credentials before the wrong direction", "POST", "/whip/row", good, typeSDP, strings.ReplaceAll(unusable, "a=ice-ufrag:", "a=x:"), 400},
		{"no fingerprint before two videos", "POST", "/whip/row", good, typeSDP, whipOffer(t, "m=audio", "m=video", "a=fingerprint:", "a=x:"), 400},
		{"syntax before state", "POST", "/whep/nobody", good, typeSDP, "hello", 400},
		{"meaning", "POST", "/whip/row", good, typeSDP, unusable, 422},
		{"meaning before state", "POST", "/whep/nobody", good, typeSDP, whipOffer(t), 422},
		{"state before capacity", "POST", "/whep/nobody", good, typeSDP, whepOffer(t), 409},
		{"capacity", "POST", "/whep/live", good, typeSDP, whepOffer(t), 503},
	} {
		t.Run(c.what, func(t *testing.T) {
			headers := []string{"Authorization", c.token, "Content-Type", c.mediaType}
			if c.body == huge { // nobody sends that much in vain: as curl does
				headers = append(headers, "Expect", "100-continue")
			}
			if c.method == "OPTIONS" {
				headers = append(headers, "Origin", "https://a.example", "Access-Control-Request-Method", "POST")
			}
			s.do(c.method, c.path, c.body, headers...).is(c.want)
		})
	}
	if n := s.sessions(); n != 2 {
		t.Errorf("%d sessions, want the 2 that were accepted", n)
	}
}

// HTTP-15, where the rate comes: after the method, before the token.
func TestHTTP15OrderOfRate(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "secret", "--rate-limit", "1")
	until(t, patience, "the limit", func() bool { return s.post("/whip/row", "", "Authorization", "Bearer secret").status == 429 })
	for _, c := range []struct {
		what, method, path, token string
		want                      int
	}{
		{"preflight before rate", "OPTIONS", "/whip/row", "", 200},
		{"route before rate", "POST", "/whip/no%20name", "", 404},
		{"method before rate", "PUT", "/whip/row", "", 405},
	} {
		headers := []string{"Authorization", c.token, "Content-Type", "text/plain"}
		if c.method == "OPTIONS" {
			headers = append(headers, "Origin", "https://a.example", "Access-Control-Request-Method", "POST")
		}
		s.do(c.method, c.path, "x", headers...).is(c.want)
	}
	for _, token := range []string{"Bearer wrong", "Bearer secret"} { // with a body of the wrong type
		until(t, patience, "the limit to come before all that is wrong", func() bool {
			return s.do("POST", "/whip/row", "x", "Authorization", token, "Content-Type", "text/plain").status == 429
		})
	}
}

// HTTP-16: a session's URL needs the same token as the POST did.
func TestHTTP16SessionNeedsTheToken(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "secret")
	token := []string{"Authorization", "Bearer secret"}
	r := s.created("/whip/row", whipOffer(t), token...)
	fragment := trickle(plainUfrag, plainPwd, goodCandidate)
	for _, target := range []string{r.session(), s.url + "/whip/row/unknown"} {
		s.do(http.MethodDelete, target, "").is(http.StatusUnauthorized)
		s.do(http.MethodGet, target, "").is(http.StatusUnauthorized)
		s.do(http.MethodPatch, target, fragment, "Content-Type", typeFragment, "If-Match", "*").is(http.StatusUnauthorized)
		s.do(http.MethodDelete, target, "", "Authorization", "Bearer wrong").is(http.StatusUnauthorized)
	}
	s.do(http.MethodGet, r.session(), "", token...).is(http.StatusOK) // it lives
	s.do(http.MethodDelete, r.session(), "", token...).is(http.StatusOK)
}

// HTTP-17: DELETE ends the session, whatever If-Match says, and once.
func TestHTTP17Delete(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	for _, client := range []*peer{v, p} {
		s.do(http.MethodDelete, client.session, "", "If-Match", `"wrong"`).is(http.StatusOK)
		timer := s.StartTimer()
		wait(t, patience, "the client to see the end", client.ended)
		if took := timer.Took(); took > time.Second {
			t.Errorf("the client saw the end after %v", took)
		}
		s.do(http.MethodDelete, client.session, "").is(http.StatusNotFound)
	}
	if n := s.sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// HTTP-18: what is no session is 404.
func TestHTTP18UnknownSession(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		s.delete(r.session())
		other := map[bool]string{true: "/whep", false: "/whip"}[strings.HasPrefix(endpoint, "/whip")]
		live := s.created(endpoint, offer).session()
		for _, target := range []string{
			r.session(), s.url + endpoint + "/nope",
			s.url + other + strings.TrimPrefix(live, s.url+endpoint[:len("/whip")]), // of the other protocol
			strings.Replace(live, "/row/", "/another/", 1),
		} {
			s.do(http.MethodPatch, target, "x", "Content-Type", typeFragment, "If-Match", "*").is(http.StatusNotFound)
			s.do(http.MethodDelete, target, "").is(http.StatusNotFound)
			s.do(http.MethodGet, target, "").is(http.StatusNotFound)
		}
		s.delete(live)
	})
}

// HTTP-19: requests of one address are limited; refused ones cost nothing.
func TestHTTP19RateLimit(t *testing.T) {
	t.Parallel()
	s := start(t, "--rate-limit", "1") // 10 at once
	session := s.created("/whip/row", whipOffer(t)).session()
	limited := 0
	for range 30 {
		r := s.post("/whip/row", "no offer")
		r.is(http.StatusBadRequest, http.StatusTooManyRequests)
		if r.status == http.StatusTooManyRequests {
			limited++
			r.retries()
			r.problem()
		}
	}
	if limited < 10 {
		t.Errorf("%d of 30 requests were refused", limited)
	}
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		s.do(method, session, "x", "If-Match", "*", "Content-Type", typeFragment).is(http.StatusTooManyRequests)
	}
	if n := s.sessions(); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// HTTP-19, as the operator wants it.
func TestHTTP19ConfiguredBurst(t *testing.T) {
	t.Parallel()
	s := start(t, "--rate-limit", "1", "--rate-burst", "3")
	begun, passed := time.Now(), 0
	for range 8 {
		if s.post("/whip/row", "no offer").status == http.StatusBadRequest {
			passed++
		}
	}
	if most := 4 + int(time.Since(begun).Seconds()); passed < 3 || passed > most {
		t.Errorf("%d requests passed, want 3 at once and one a second", passed)
	}
}

// HTTP-19, the other half: an ordinary household is not limited.
func TestHTTP19BurstPasses(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i := range 50 {
		s.created(fmt.Sprintf("/whip/row%d", i), whipOffer(t))
	}
}

// HTTP-20: a full server says so, and goes on for those who are there.
func TestHTTP20Full(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-viewers", "1")
	publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	r := s.post("/whep/row", whepOffer(t))
	r.is(http.StatusServiceUnavailable)
	r.retries()
	v.plays("video", "audio")
	s.delete(v.session)
	s.created("/whep/row", whepOffer(t))
}

// HTTP-20, for publishers and viewers together.
func TestHTTP20SessionsFull(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-sessions", "2")
	p := publish(t, s, "row", role{})
	watchStream(t, s, "row", role{}).plays("video")
	for endpoint, offer := range map[string]string{"/whep/row": whepOffer(t), "/whip/other": whipOffer(t)} {
		r := s.post(endpoint, offer)
		r.is(http.StatusServiceUnavailable)
		r.retries()
	}
	s.delete(p.session)
	s.created("/whip/other", whipOffer(t))
}

// HTTP-20, for one stream: the others have room.
func TestHTTP20StreamFull(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-stream-viewers", "1")
	publish(t, s, "row", role{})
	publish(t, s, "other", role{})
	s.created("/whep/row", whepOffer(t))
	r := s.post("/whep/row", whepOffer(t))
	r.is(http.StatusServiceUnavailable)
	r.retries()
	s.created("/whep/other", whepOffer(t))
}

// HTTP-21: no redirect that turns a POST into a GET.
func TestHTTP21NoRedirect(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for _, target := range []string{endpoint + "/", "/" + endpoint, endpoint + "//", strings.Replace(endpoint, "/row", "//row", 1), endpoint + "/../row", "/./" + endpoint[1:]} {
			if r := s.post(s.url+target, offer); r.status >= 300 && r.status < 400 {
				t.Errorf("%s: status %d", r.what, r.status)
			}
		}
	})
}

// HTTP-21, while the server drains: 307 to the other one, 503 without it; who is
// there stays.
func TestHTTP21Drain(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]int{"": http.StatusServiceUnavailable, "https://other.example:8443/cam": http.StatusTemporaryRedirect} {
		args := []string{"--drain", "60s", "--allow-origin", "https://a.example"}
		if to != "" {
			args = append(args, "--redirect-to", to)
		}
		s := start(t, args...)
		p := publish(t, s, "row", role{})
		v := watchStream(t, s, "row", role{}).plays("video")
		s.drain()
		for endpoint, offer := range map[string]string{"/whip/new": whipOffer(t), "/whep/row": whepOffer(t), "/whep/row?counter-offer": whepOffer(t)} {
			until(t, patience, "the drain", func() bool { return s.post(endpoint, offer).status == want })
			r := s.post(endpoint, offer, "Origin", "https://a.example")
			r.is(want)
			r.has("Access-Control-Allow-Origin", "*")
			if to == "" {
				r.retries()
			} else {
				r.has("Location", to+endpoint)
			}
		}
		v.plays("video", "audio")
		s.delete(v.session)
		s.delete(p.session)
	}
}

// HTTP-22: errors are problem documents (RFC 9457).
func TestHTTP22ProblemDocuments(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "secret")
	token := []string{"Authorization", "Bearer secret"}
	session := s.created("/whip/row", whipOffer(t), token...).session()
	patch := func(mediaType, body, ifMatch string) reply {
		return s.do("PATCH", session, body, append(token, "Content-Type", mediaType, "If-Match", ifMatch)...)
	}
	for status, r := range map[int]reply{
		400: s.post("/whip/x", "hello", token...),
		401: s.post("/whip/x", "hello"),
		404: s.do("DELETE", "/whip/x/y", "", token...),
		405: s.do("PUT", "/whip/x", ""),
		409: s.post("/whep/nobody", whepOffer(t)),
		412: patch(typeFragment, "x", `"other"`),
		413: s.post("/whip/x", strings.Repeat("x", 1<<20), token...),
		415: patch("text/plain", "x", "*"),
		422: s.post("/whip/x", whipOffer(t, "sendonly", "recvonly"), token...),
		428: patch(typeFragment, trickle("other", "anotherpasswordanother", goodCandidate), ""),
	} {
		r.is(status)
		if r.problem() == "" {
			t.Errorf("%s: no detail", r.what)
		}
	}
}

// HTTP-23: Accept is not a reason to refuse.
func TestHTTP23AcceptIsIgnored(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for _, accept := range []string{"text/html", "*/*", "application/sdp;q=0"} {
			s.delete(s.created(endpoint, offer, "Accept", accept).session())
		}
	})
}

// HTTP-23: but a browser that is sent to a WHEP endpoint comes to the page; what
// players send leads nowhere else.
func TestHTTP23BrowsersSeeThePage(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.do(http.MethodGet, "/whep/row", "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.is(http.StatusSeeOther)
	r.has("Location", "/watch/row")
	r.has("Vary", "Accept")
	for _, accept := range []string{"", "*/*", "application/sdp"} {
		s.do(http.MethodGet, "/whep/row", "", "Accept", accept).is(http.StatusOK, http.StatusNoContent)
	}
	s.do(http.MethodGet, "/whip/row", "", "Accept", "text/html").is(http.StatusOK, http.StatusNoContent)
}

// HTTP-24: answers hold credentials and are not to be kept.
func TestHTTP24NoStore(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		r.has("Cache-Control", "no-store")
		for _, target := range []string{endpoint, r.session()} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
				s.do(method, target, "").has("Cache-Control", "no-store")
			}
		}
		candidate := trickle(plainUfrag, plainPwd, goodCandidate)
		s.do(http.MethodPatch, r.session(), candidate, "Content-Type", typeFragment, "If-Match", "*").has("Cache-Control", "no-store")
		s.do(http.MethodPatch, r.session(), "x", "Content-Type", typeFragment).has("Cache-Control", "no-store") // an error
	})
}

// HTTP-25: an answer does not wait for servers that do not answer.
func TestHTTP25AnswerAtOnce(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := start(t, "--stun", fmt.Sprintf("stun:%v", silent.LocalAddr()), "--turn", fmt.Sprintf("turn:u:p@%v", silent.LocalAddr()))
	timer := s.StartTimer()
	s.created("/whip/row", whipOffer(t))
	if took := timer.Took(); took > 2*time.Second {
		t.Errorf("the answer took %v", took)
	}
}
