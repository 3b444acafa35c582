package signaling

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/ratelimit"
)

// The buckets of a Limiter fill up again, and a flood of addresses fills neither
// its table nor anybody else's bucket.
func TestLimiterOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10, 2)
		a := netip.MustParseAddr("192.0.2.1")
		for i, want := range []bool{true, true, false, false} {
			if err := l.allow(a); (err == nil) != want {
				t.Errorf("request %d: %v", i, err)
			}
		}
		limited, ok := errors.AsType[*rateError](l.allow(a))
		if !ok || limited.retry != 100*time.Millisecond {
			t.Errorf("retry after %v", limited)
		}
		time.Sleep(100 * time.Millisecond)
		if err := l.allow(a); err != nil {
			t.Errorf("after the time that was told: %v", err)
		}

		addr := netip.MustParseAddr("10.0.0.0")
		for range ratelimit.MaxClients + 100 {
			addr = addr.Next()
			_ = l.allow(addr)
		}
		if n := l.buckets.Len(); n > ratelimit.MaxClients {
			t.Errorf("%d clients are kept", n)
		}
		time.Sleep(5 * time.Second)
		if err := l.allow(addr.Next()); err != nil {
			t.Errorf("a new client after the flood: %v", err)
		}
		if n := l.buckets.Len(); n != 1 {
			t.Errorf("%d clients are kept after the flood", n)
		}
	})
}

func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{"*", `"*"`, `"abc"`, `W/"abc"`, `"a,b", "c"`, `abc`, `"`, `""`, `, ,"x"y"z"`, "\"a\t", "*,*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		p := parseIfMatch(http.Header{"If-Match": {value}})
		if !p.present {
			t.Fatal("a header that is there counts as missing")
		}
		for _, tag := range p.tags {
			if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' || !strings.Contains(value, tag) {
				t.Errorf("%q became the tag %q", value, tag)
			}
		}
		// Only who knows the tag, or says any, may pass.
		const tag = `"5XxLQZC1nQ3RnZ1pXH7Wmw"`
		if p.matches(tag) && !p.any && !strings.Contains(value, tag) {
			t.Errorf("%q matches a tag that is not in it", value)
		}
		if p.any && !strings.Contains(value, "*") {
			t.Errorf("%q means any", value)
		}
	})
}

func FuzzLink(f *testing.F) {
	f.Add("stun:stun.example:3478", "", "")
	f.Add("turn:[2001:db8::1]:3478?transport=tcp", "1700000000:user", "q3+/=")
	f.Add("turn:x", `a"b`, `c\`)
	f.Add("turn:x>; rel=\"next\"", "u", "p\r\nX: y")
	f.Fuzz(func(t *testing.T, url, username, credential string) {
		link, ok := ICEServer{URL: url, Username: username, Credential: credential}.link()
		if !ok {
			return
		}
		if strings.ContainsAny(link, "\r\n\x00") {
			t.Errorf("%q breaks the header", link)
		}
		rest, ok := strings.CutPrefix(link, "<"+url+`>; rel="ice-server"`)
		if !ok {
			t.Fatalf("%q does not begin with the URL", link)
		}
		// Outside of quoted strings there is exactly the fixed text.
		if got, want := unquoted(rest), ""; username == "" && credential == "" && got != want {
			t.Errorf("%q has parameters", link)
		} else if username+credential != "" && got != "; username=; credential=; credential-type=" {
			t.Errorf("%q has other parameters: %q", link, got)
		}
	})
}

// unquoted takes the quoted strings out.
func unquoted(s string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(s); i++ {
		switch {
		case inside && s[i] == '\\':
			i++
		case s[i] == '"':
			inside = !inside
		case !inside:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func FuzzPrefix(f *testing.F) {
	for _, seed := range []string{"/cam", "//evil", "/a/../..", "/a?b", "x", "/\\evil", "/a//b/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		clean, ok := cleanPrefix(prefix)
		if !ok || clean == "" {
			return
		}
		if clean[0] != '/' || strings.HasPrefix(clean, "//") || strings.HasSuffix(clean, "/") || strings.ContainsAny(clean, "?#\\\r\n ") {
			t.Errorf("%q became %q", prefix, clean)
		}
	})
}

// Whatever is sent, there are known events, each once, or an error that is the
// client's fault.
func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(`["active","viewercount","active"]`))
	f.Add([]byte(`["x"]`))
	f.Add([]byte(`{}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := parseEvents(body)
		if err != nil {
			if status, _ := statusOf(err); status != 400 {
				t.Fatalf("%v is status %d", err, status)
			}
			return
		}
		seen := make(map[string]bool)
		for _, event := range events {
			if seen[event] || !slices.Contains(knownEvents(), event) {
				t.Fatalf("events %q", events)
			}
			seen[event] = true
		}
		if len(events) == 0 {
			t.Fatal("no events, and no error")
		}
	})
}

// Whatever is sent, there is a choice or an error that is the client's fault.
func FuzzParseChoice(f *testing.F) {
	for _, seed := range []string{`{"mediaId":"0","rid":"h"}`, `{"mediaId":1,"encodingId":"h","maxWidth":640}`, `{"spatialLayerId":0}`, `null`, `[]`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := parseChoice(body)
		if err != nil {
			if status, _ := statusOf(err); status != 400 && status != 422 {
				t.Fatalf("%v is status %d", err, status)
			}
			return
		}
		if c.MaxWidth < 0 || c.MaxHeight < 0 {
			t.Fatalf("choice %+v", c)
		}
	})
}

func TestWantsCounterOffer(t *testing.T) {
	for name, tt := range map[string]struct {
		url    string
		prefer []string
		want   bool
	}{
		"no":                      {url: "/whep/cam"},
		"by the URL":              {url: "/whep/cam?counter-offer", want: true},
		"by the URL with a value": {url: "/whep/cam?token=x&counter-offer=1", want: true},
		"by the header":           {url: "/whep/cam", prefer: []string{"counter-offer"}, want: true},
		"among others":            {url: "/whep/cam", prefer: []string{"return=minimal", "wait=1, Counter-Offer; x=y"}, want: true},
		"something like it":       {url: "/whep/cam?counter", prefer: []string{"counter-offers"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tt.url, nil)
			for _, value := range tt.prefer {
				r.Header.Add("Prefer", value)
			}
			if got := wantsCounterOffer(r); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
