package signaling_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// HTTP-17
func TestDelete(t *testing.T) {
	f := newFixture(t, negotiate.Publish, nil)
	path, _ := f.created()
	if r := f.do("DELETE", path, "", "If-Match", `"wrong"`); r.StatusCode != 200 || r.body != "" {
		t.Fatalf("status %d: %s", r.StatusCode, r.body)
	}
	if reason := f.last().endReason(); !errors.Is(reason, sessions.ErrDeleted) {
		t.Errorf("the session ended with %v", reason)
	}
	if f.table.Len() != 0 {
		t.Error("the place is still taken when the answer is there")
	}
	for _, method := range []string{"DELETE", "GET", "PATCH"} { // HTTP-18
		if r := f.do(method, path, ""); r.StatusCode != 404 {
			t.Errorf("%s afterwards: status %d", method, r.StatusCode)
		}
	}
}

// A session belongs to its protocol and its stream.
func TestSessionIsFoundAtItsOwnURLOnly(t *testing.T) {
	f := newFixture(t, negotiate.Publish, nil)
	path, _ := f.created()
	if r := f.do("DELETE", strings.Replace(path, "/cam/", "/other/", 1), ""); r.StatusCode != 404 {
		t.Errorf("below another stream: status %d", r.StatusCode)
	}
	if r := f.do("DELETE", path+"/", ""); r.StatusCode != 200 {
		t.Errorf("with a slash at the end: status %d", r.StatusCode)
	}
}

// HTTP-16
func TestSessionNeedsTheToken(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
		c.Auth = auth.New(auth.Config{ViewToken: "right"})
	})
	path, etag := f.created("Authorization", "Bearer right")
	for _, tt := range []struct{ method, body string }{{"DELETE", ""}, {"GET", ""}, {"PATCH", f.fragment()}} {
		if r := f.do(tt.method, path, tt.body, "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != 401 {
			t.Errorf("%s without a token: status %d", tt.method, r.StatusCode)
		}
	}
	if r := f.do("GET", path, "", "Authorization", "Bearer right"); r.StatusCode != 200 {
		t.Errorf("GET with the token: status %d", r.StatusCode)
	}
	if r := f.do("HEAD", "/whep/cam", ""); r.StatusCode != 200 { // players find out before they ask for a token
		t.Errorf("HEAD on the endpoint without a token: status %d", r.StatusCode)
	}
}

// HTTP-07, WHEP-06
func TestGetAndHead(t *testing.T) {
	for _, role := range both {
		f := newFixture(t, role, func(c *signaling.Config, _ *sessions.Config) {
			c.Auth = auth.New(auth.Config{})
		})
		path, _ := f.created()
		for _, url := range []string{f.prefix() + "/cam", f.prefix() + "/nobody-here", path} {
			get, head := f.do("GET", url, ""), f.do("HEAD", url, "")
			for _, r := range []reply{get, head} {
				if r.StatusCode != 200 || r.body != "" || r.Header.Get("Content-Type") != typeSDP ||
					r.Header.Get("Content-Length") != "0" || r.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: status %d, header %v", r.Request.Method, url, r.StatusCode, r.Header)
				}
			}
			get.Header.Del("Date")
			head.Header.Del("Date")
			for name := range get.Header {
				if get.Header.Get(name) != head.Header.Get(name) {
					t.Errorf("%s: %s differs: %q, %q", url, name, get.Header.Get(name), head.Header.Get(name))
				}
			}
		}
	}
}

// HTTP-09, HTTP-12, HTTP-27 to HTTP-30
func TestPlainOptions(t *testing.T) {
	var asked []signaling.ICERequest // answers come one after the other
	servers := func(r signaling.ICERequest) []signaling.ICEServer {
		asked = append(asked, r)
		return []signaling.ICEServer{
			{URL: "stun:stun.example:3478"},
			{URL: "turn:turn.example?transport=udp", Username: "1700:u", Credential: "abc+/="},
			{URL: "turn:bad\r\nX-Evil: 1", Username: "u", Credential: "c"},
		}
	}
	want := []string{
		`<stun:stun.example:3478>; rel="ice-server"`,
		`<turn:turn.example?transport=udp>; rel="ice-server"; username="1700:u"; credential="abc+/="; credential-type="password"`,
	}
	f := newFixture(t, negotiate.Publish, func(c *signaling.Config, _ *sessions.Config) {
		c.Auth = auth.New(auth.Config{PublishToken: "right"})
		c.ICEServers = servers
	})
	for _, tt := range []struct {
		token string
		links []string
	}{{"", nil}, {"Bearer wrong", nil}, {"Bearer right", want}} {
		r := f.do("OPTIONS", "/whip/cam", "", "Authorization", tt.token)
		if r.StatusCode != 200 || r.Header.Get("Accept-Post") != typeSDP ||
			!strings.Contains(r.Header.Get("Access-Control-Allow-Methods"), "PATCH") ||
			r.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
			t.Errorf("token %q: status %d, header %v", tt.token, r.StatusCode, r.Header)
		}
		if got := r.Header.Values("Link"); !slices.Equal(got, tt.links) {
			t.Errorf("token %q: Link %q", tt.token, got)
		}
	}
	if r := f.post("Authorization", "Bearer right"); !slices.Equal(r.Header.Values("Link"), want) {
		t.Errorf("201: Link %q", r.Header.Values("Link"))
	} else if last, location := asked[len(asked)-1], r.Header.Get("Location"); strings.Contains(location, last.User) {
		t.Errorf("servers were asked for %q, which ends %s", last.User, location)
	} else if r := f.do("DELETE", path.Join(path.Dir(location), last.User), "", "Authorization", "Bearer right"); r.StatusCode != 404 {
		t.Errorf("DELETE with the name that TURN servers know: status %d, want 404", r.StatusCode)
	}
	for _, a := range asked {
		if a.Host != "127.0.0.1" || a.Local != netip.MustParseAddr("127.0.0.1") || a.Client != a.Local || len(a.User) != 22 {
			t.Errorf("servers were asked for %+v", a)
		}
	}
	if r := f.do("OPTIONS", "/whip/cam/any", ""); r.StatusCode != 200 || r.Header.Get("Accept-Patch") != typeFragment {
		t.Errorf("session: status %d, header %v", r.StatusCode, r.Header)
	}
}

// HTTP-10, HTTP-11, HTTP-28
func TestPreflight(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
		c.Auth = auth.New(auth.Config{ViewToken: "right"})
		c.ICEServers = func(signaling.ICERequest) []signaling.ICEServer {
			return []signaling.ICEServer{{URL: "stun:s.example"}}
		}
		c.Limiter = signaling.NewLimiter(0.001, 1) // preflights are not counted
	})
	for _, path := range []string{"/whep/cam", "/whep/cam/id", "/whep/cam/"} {
		for _, method := range []string{"POST", "PATCH", "DELETE", "OPTIONS"} {
			r := f.do("OPTIONS", path, "", "Origin", "https://a.example",
				"Access-Control-Request-Method", method,
				"Access-Control-Request-Headers", "authorization,content-type,if-match")
			if r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") != "*" ||
				r.Header.Get("Accept-Post") != typeSDP {
				t.Errorf("%s: status %d, header %v", path, r.StatusCode, r.Header)
			}
			methods := strings.Split(r.Header.Get("Access-Control-Allow-Methods"), ", ")
			for _, m := range []string{"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"} {
				if !slices.Contains(methods, m) {
					t.Errorf("%s: %s is not among %q", path, m, methods)
				}
			}
			headers := strings.Split(r.Header.Get("Access-Control-Allow-Headers"), ", ")
			for _, h := range []string{"Authorization", "Content-Type", "If-Match"} {
				if !slices.Contains(headers, h) {
					t.Errorf("%s: %s is not among %q", path, h, headers)
				}
			}
			if links := r.Header.Values("Link"); len(links) != 0 {
				t.Errorf("%s: Link %q", path, links)
			}
		}
	}
	r := f.post("Origin", "https://a.example", "Authorization", "Bearer right")
	exposed := strings.Split(r.Header.Get("Access-Control-Expose-Headers"), ", ")
	for _, h := range []string{"Location", "Link", "ETag", "Accept-Patch", "Accept-Post", "Retry-After", "WWW-Authenticate", "Allow"} {
		if !slices.Contains(exposed, h) {
			t.Errorf("%s is not exposed: %q", h, exposed)
		}
	}
}

// Behind a reverse proxy that takes off a prefix.
func TestLocationBehindProxy(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, tt := range map[string]struct {
		base      string
		trusted   []netip.Prefix
		forwarded string
		want      string
	}{
		"nobody tells":                    {"", nil, "", "../whep/cam/"},
		"a configured prefix":             {"/video/", nil, "", "/video/whep/cam/"},
		"a header from a stranger":        {"", nil, "/evil", "../whep/cam/"},
		"a proxy that tells nothing":      {"", loopback, "", "../whep/cam/"},
		"which the config knows":          {"/base", loopback, "", "/base/whep/cam/"},
		"a header from a trusted proxy":   {"", loopback, "/video", "/video/whep/cam/"},
		"which is better than the config": {"/old", loopback, "/video", "/video/whep/cam/"},
		"another host in disguise":        {"", loopback, "//evil.example", "/evil.example/whep/cam/"},
		"a whole URL":                     {"", loopback, "https://evil.example", "/whep/cam/"},
		"a query":                         {"", loopback, "/video?x=", "/whep/cam/"},
		"a site that is not below a path": {"", loopback, "/", "/whep/cam/"},
		"a slash only":                    {"/base", loopback, "/", "/base/whep/cam/"},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := newObservable(t, func(c *signaling.Config, _ *sessions.Config) {
				c.BasePath, c.TrustedProxies = tt.base, tt.trusted
			})
			// Scheme and host are the client's affair: a path is right under all of them.
			r := f.post("X-Forwarded-Prefix", tt.forwarded, "X-Forwarded-Proto", "https", "X-Forwarded-Host", "cam.example")
			location := r.Header.Get("Location")
			if id, ok := strings.CutPrefix(location, tt.want); !ok || strings.Contains(id, "/") {
				t.Errorf("Location %q, want %s…", location, tt.want)
			}
			if link := r.Header.Get("Link"); !strings.HasPrefix(link, "<"+location+"/events>;") {
				t.Errorf("Link %q", link)
			}
		})
	}
}

// Without a proxy Location is an absolute path, and with one that does not tell its
// prefix it is relative. Either leads to the session, as every client reads it: by RFC
// 3986, below a prefix too, and as OBS does, which takes it for an absolute path.
func TestLocationLeadsToTheSession(t *testing.T) {
	for _, header := range append([]string{""}, "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip") {
		f, _ := newObservable(t, nil)
		var headers []string
		if header != "" {
			headers = []string{header, "cam.example"}
		}
		for _, endpoint := range []string{"/whep/cam", "/whep/cam/"} {
			r := f.do("POST", endpoint, f.offer(), append([]string{"Content-Type", typeSDP}, headers...)...)
			location := r.Header.Get("Location")
			if absolute := strings.HasPrefix(location, "/"); absolute != (header == "") {
				t.Errorf("%s: Location %q", header, location)
			}
			id := location[strings.LastIndexByte(location, '/')+1:]
			prefixes := []string{""}
			if header != "" {
				prefixes = append(prefixes, "/a", "/a/b")
			}
			for _, prefix := range prefixes {
				if got, want := resolved(t, "http://x"+prefix+endpoint, location), "http://x"+prefix+"/whep/cam/"+id; got != want {
					t.Errorf("%s%s: %q is %s", prefix, endpoint, location, got)
				}
			}
			if obs := path.Clean("/" + location); obs != "/whep/cam/"+id {
				t.Errorf("OBS takes %q for %s", location, obs)
			}
			session := resolved(t, f.url+endpoint, location)
			target, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Link"), "<"), ">")
			feeds := strings.TrimPrefix(resolved(t, f.url+endpoint, target), f.url)
			r = f.do("POST", feeds, `["active"]`, append([]string{"Content-Type", "application/json"}, headers...)...)
			feed := resolved(t, f.url+feeds, r.Header.Get("Location"))
			if r.StatusCode != 201 || !strings.HasPrefix(feed, session+"/events/") {
				t.Errorf("%s: a feed is at %q, status %d", header, feed, r.StatusCode)
			}
		}
		r := f.do("GET", "/whep/cam", "", append([]string{"Accept", "text/html"}, headers...)...)
		if got := resolved(t, f.url+"/whep/cam", r.Header.Get("Location")); got != f.url+"/watch/cam" {
			t.Errorf("%s: a browser is sent to %q", header, got)
		}
	}
}

// An nginx that was told nothing adds no header, but is known by its HTTP/1.0.
func TestLocationThroughABareProxy(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	offer := f.offer()
	_, err = fmt.Fprintf(conn, "POST /whep/cam HTTP/1.0\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", typeSDP, len(offer), offer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if location := r.Header.Get("Location"); !strings.HasPrefix(location, "../whep/cam/") {
		t.Errorf("status %d, Location %q", r.StatusCode, location)
	}
}

// resolved is what a reference means to a client that resolves it.
func resolved(t *testing.T, base, reference string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err == nil {
		u, err = u.Parse(reference)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// A name with a slash is refused with what to use in its place.
func TestNamesWithASlash(t *testing.T) {
	f := newFixture(t, negotiate.Publish, nil)
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/whip/live/cam":    {405, "use live-cam in place of live/cam"},
		"/whip/live/two%20": {405, "NAME has no slash"},
		"/whip/live%2Fcam":  {404, "no slash"},
		"/whip/a/b/c":       {404, "no slash"},
	} {
		r := f.do("POST", path, f.offer(), "Content-Type", typeSDP)
		if detail := r.problem(t).Detail; r.StatusCode != want.status || !strings.Contains(detail, want.says) {
			t.Errorf("%s: status %d, %q; want %d and %q", path, r.StatusCode, detail, want.status, want.says)
		}
	}
	if r := f.do("PUT", "/whip/live/cam", ""); strings.Contains(r.problem(t).Detail, "slash") {
		t.Errorf("PUT: %s", r.body)
	}
}

func TestSessionInfo(t *testing.T) {
	f := newFixture(t, negotiate.Publish, nil)
	path, _ := f.created()
	id := path[strings.LastIndexByte(path, '/')+1:]
	info, ok := f.table.Info(id)
	if !ok || info.ID != id || info.Protocol != "whip" || info.Stream != "cam" || info.Since.IsZero() {
		t.Errorf("%+v, %v", info, ok)
	}
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil || fields["state"] != "connected" {
		t.Errorf("%v in %s", err, text)
	}
	if ufrag, pwd := f.credentials(); strings.Contains(string(text), pwd) || strings.Contains(string(text), ufrag) {
		t.Errorf("ICE credentials in %s", text)
	}
	if _, ok := f.table.Info("nope"); ok {
		t.Error("an unknown session has info")
	}
}

func TestNewChecksItsConfig(t *testing.T) {
	open := func(signaling.Request) (signaling.Session, error) { return nil, http.ErrNotSupported }
	good := signaling.Config{Table: sessions.New(sessions.Config{}), Auth: auth.New(auth.Config{})}
	if _, err := signaling.New(negotiate.Watch, open, good); err != nil {
		t.Errorf("a good config: %v", err)
	}
	for name, spoil := range map[string]func(*signaling.Config){
		"no table":             func(c *signaling.Config) { c.Table = nil },
		"no verifier":          func(c *signaling.Config) { c.Auth = nil },
		"base path not a path": func(c *signaling.Config) { c.BasePath = "cam" },
	} {
		bad := good
		spoil(&bad)
		if _, err := signaling.New(negotiate.Watch, open, bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
