package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"porthole/internal/auth"
	"porthole/internal/problem"
)

const (
	publishToken = "publish-secret"
	viewToken    = "view-secret"
)

// Who publishes is the same as long as the token is, and nobody without one.
func TestPrincipal(t *testing.T) {
	publisher := func(v *auth.Verifier, authorization string) auth.Principal {
		r := httptest.NewRequest(http.MethodPost, "/whip/cam", nil)
		r.Header.Set("Authorization", authorization)
		who, err := v.Check(r, auth.Publish, "cam")
		if err != nil && who != "" {
			t.Errorf("%q is refused as %q", authorization, who)
		}
		return who
	}
	v := auth.New(auth.Config{PublishToken: "pub", ViewToken: "view"})
	first, again := publisher(v, "Bearer pub"), publisher(v, "bearer pub")
	if first == "" || first != again {
		t.Errorf("the publish token: %q, then %q", first, again)
	}
	for _, other := range []string{"", "Bearer view", "Bearer no"} {
		if got := publisher(v, other); got != "" {
			t.Errorf("%q: %q", other, got)
		}
	}
	if got := publisher(auth.New(auth.Config{}), "Bearer undefined"); got != "" {
		t.Errorf("without a token configured: %q", got)
	}
	if got := publisher(nil, "Bearer pub"); got != "" {
		t.Errorf("without a verifier: %q", got)
	}
}

// byStream lets everybody who says a stream's name watch it, as what asks another service may.
type byStream struct{}

func (byStream) Authorize(_ context.Context, token string, action auth.Action, stream string) (auth.Principal, error) {
	switch {
	case token == "":
		return "", auth.ErrNoToken
	case action != auth.View || token != stream:
		return "", auth.ErrForbidden
	}
	return auth.Principal("friend of " + stream), nil
}

// An authorizer of one's own is told of the stream, and what it says of who asks arrives.
func TestRequireByStream(t *testing.T) {
	var who auth.Principal
	stream := func(r *http.Request) string { return r.URL.Query().Get("stream") }
	h := auth.For(byStream{}).Require(auth.View, stream)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who = auth.PrincipalOf(r)
	}))
	for name, tt := range map[string]struct {
		token  string
		status int
		who    auth.Principal
	}{
		"the stream's": {"cam", 200, "friend of cam"}, "another stream's": {"door", 403, ""}, "none": {"", 401, ""},
	} {
		who = ""
		r := httptest.NewRequest(http.MethodGet, "/?stream=cam&token="+tt.token, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || who != tt.who {
			t.Errorf("%s: status %d for %q", name, w.Code, who)
		}
	}
}

func TestCheck(t *testing.T) {
	both := auth.Config{PublishToken: publishToken, ViewToken: viewToken}
	for name, tt := range map[string]struct {
		cfg    auth.Config
		method string // POST when empty
		query  string
		header string
		action auth.Action
		want   error
	}{
		// HTTP-14: with auth off any Authorization header is ignored.
		"open server, no header":                 {action: auth.Publish},
		"open server, a player without a token":  {header: "Bearer undefined", action: auth.View},
		"open server, another scheme":            {header: "Basic eDp5", action: auth.Publish},
		"only publishing protected: viewing":     {cfg: auth.Config{PublishToken: publishToken}, header: "Bearer x", action: auth.View},
		"only publishing protected: publishing":  {cfg: auth.Config{PublishToken: publishToken}, action: auth.Publish, want: auth.ErrNoToken},
		"only viewing protected: publishing":     {cfg: auth.Config{ViewToken: viewToken}, action: auth.Publish},
		"only viewing protected: viewing":        {cfg: auth.Config{ViewToken: viewToken}, action: auth.View, want: auth.ErrNoToken},
		"an absent token is not the empty token": {cfg: auth.Config{PublishToken: publishToken}, header: "Bearer ", action: auth.Publish, want: auth.ErrNoToken},

		// HTTP-13
		"publish token publishes":          {cfg: both, header: "Bearer " + publishToken, action: auth.Publish},
		"publish token views":              {cfg: both, header: "Bearer " + publishToken, action: auth.View},
		"view token views":                 {cfg: both, header: "Bearer " + viewToken, action: auth.View},
		"view token does not publish":      {cfg: both, header: "Bearer " + viewToken, action: auth.Publish, want: auth.ErrForbidden},
		"scheme in any case":               {cfg: both, header: "bEaReR " + viewToken, action: auth.View},
		"more than one space":              {cfg: both, header: "Bearer   " + viewToken + " ", action: auth.View},
		"no header":                        {cfg: both, action: auth.View, want: auth.ErrNoToken},
		"another scheme is no token":       {cfg: both, header: "Basic " + viewToken, action: auth.View, want: auth.ErrNoToken},
		"a scheme that only begins so":     {cfg: both, header: "Bearerish " + viewToken, action: auth.View, want: auth.ErrNoToken},
		"wrong token":                      {cfg: both, header: "Bearer nonsense", action: auth.Publish, want: auth.ErrBadToken},
		"a prefix of the token":            {cfg: both, header: "Bearer publish", action: auth.Publish, want: auth.ErrBadToken},
		"tokens are compared case by case": {cfg: both, header: "Bearer Publish-Secret", action: auth.Publish, want: auth.ErrBadToken},
		"no action is never allowed":       {cfg: both, header: "Bearer " + publishToken, want: auth.ErrForbidden},

		// Pages and event streams cannot send headers.
		"page with a token in its address":       {cfg: both, method: "GET", query: "?token=" + viewToken, action: auth.View},
		"HEAD likewise":                          {cfg: both, method: "HEAD", query: "?token=" + viewToken, action: auth.View},
		"the address of a POST is no credential": {cfg: both, query: "?token=" + publishToken, action: auth.Publish, want: auth.ErrNoToken},
		"nor that of a DELETE":                   {cfg: both, method: "DELETE", query: "?token=" + publishToken, action: auth.Publish, want: auth.ErrNoToken},
		"the header wins over the address":       {cfg: both, method: "GET", query: "?token=" + viewToken, header: "Bearer no", action: auth.View, want: auth.ErrBadToken},
	} {
		t.Run(name, func(t *testing.T) {
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			r := httptest.NewRequest(method, "/whip/cam"+tt.query, nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			if _, got := auth.New(tt.cfg).Check(r, tt.action, "cam"); !errors.Is(got, tt.want) {
				t.Errorf("Check = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestForgottenVerifierRefuses(t *testing.T) {
	var v *auth.Verifier
	r := httptest.NewRequest(http.MethodPost, "/whip/cam", nil)
	if _, err := v.Check(r, auth.View, ""); !errors.Is(err, auth.ErrNoToken) {
		t.Errorf("without a token: %v", err)
	}
	r.Header.Set("Authorization", "Bearer x")
	if _, err := v.Check(r, auth.Publish, ""); !errors.Is(err, auth.ErrBadToken) {
		t.Errorf("with a token: %v", err)
	}
}

func TestRequire(t *testing.T) {
	v := auth.New(auth.Config{PublishToken: publishToken, ViewToken: viewToken})
	for name, tt := range map[string]struct {
		header    string
		status    int
		challenge string
	}{
		"nothing sent":    {"", 401, `Bearer realm="porthole"`},
		"wrong token":     {"Bearer nonsense", 401, `Bearer realm="porthole", error="invalid_token"`},
		"the other token": {"Bearer " + viewToken, 403, `Bearer realm="porthole", error="insufficient_scope"`},
		"right token":     {"Bearer " + publishToken, 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			body := &touchy{}
			r := httptest.NewRequest(http.MethodPost, "/whip/cam", body)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			reached := false
			rec := httptest.NewRecorder()
			v.Require(auth.Publish, auth.AllStreams)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				reached = true
				w.WriteHeader(http.StatusNoContent)
			})).ServeHTTP(rec, r)

			res := rec.Result()
			if res.StatusCode != tt.status || reached != (tt.status == 204) {
				t.Fatalf("status %d, handler reached: %v", res.StatusCode, reached)
			}
			if got := res.Header.Get("WWW-Authenticate"); got != tt.challenge {
				t.Errorf("WWW-Authenticate %q, want %q", got, tt.challenge)
			}
			if body.read {
				t.Error("the body was read before the decision")
			}
			if tt.status == 204 {
				return
			}
			var doc problem.Document
			if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Status != tt.status {
				t.Errorf("document %+v, %v", doc, err)
			}
			for _, secret := range []string{publishToken, viewToken, "nonsense"} {
				if strings.Contains(doc.Detail, secret) {
					t.Errorf("the answer repeats a token: %q", doc.Detail)
				}
			}
		})
	}
}

// touchy is a body that remembers being read.
type touchy struct{ read bool }

func (b *touchy) Read([]byte) (int, error) {
	b.read = true
	return 0, errors.New("read")
}

func TestGenerate(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := auth.Generate()
		if len(token) != 22 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("%q is not 22 characters of base64url", token)
		}
		if seen[token] {
			t.Fatalf("%q came twice", token)
		}
		seen[token] = true
	}
}

func TestActionString(t *testing.T) {
	if auth.View.String() != "view" || auth.Publish.String() != "publish" || auth.Action(0).String() != "unknown" {
		t.Error("actions have changed their names")
	}
}
