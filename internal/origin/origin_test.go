package origin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"porthole/internal/origin"
	"porthole/internal/problem"
)

func TestGuard(t *testing.T) {
	private := origin.Guard{Private: true, Names: []string{"desk", "Cam.example"}}
	with := func(change func(*origin.Guard)) origin.Guard {
		g := private
		change(&g)
		return g
	}
	const site = "https://evil.example"
	proxied := with(func(g *origin.Guard) { g.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	publishToken := with(func(g *origin.Guard) { g.TokenPublish = true })
	for name, tt := range map[string]struct {
		guard   origin.Guard
		request string // method, path and host
		headers []string
		want    int
		cure    string
	}{
		"an address":                      {private, "GET / 127.0.0.1:8080", nil, 200, ""},
		"an address of IPv6":              {private, "GET / [::1]:8080", nil, 200, ""},
		"localhost":                       {private, "GET / LOCALHOST:8080", nil, 200, ""},
		"a name below localhost":          {private, "GET / cam.localhost", nil, 200, ""},
		"the machine's name":              {private, "GET / Desk.:8080", nil, 200, ""},
		"a name that was given":           {private, "GET / cam.EXAMPLE", nil, 200, ""},
		"a rebound name":                  {private, "GET /api/sessions rebound.example:8080", nil, 421, "--host rebound.example"},
		"a rebound name deletes":          {private, "DELETE /whip/cam/id rebound.example", []string{"Origin", "http://rebound.example"}, 421, "--host"},
		"it only begins like an IP":       {private, "GET / 127.0.0.1.example", nil, 421, "--host"},
		"it only ends like localhost":     {private, "GET / evillocalhost", nil, 421, "--host"},
		"a proxy's word for the name":     {proxied, "GET / rebound.example", []string{"X-Forwarded-Host", "localhost"}, 421, "--host"},
		"no browser":                      {private, "POST /whip/cam localhost", nil, 200, ""},
		"our own page":                    {private, "POST /whip/cam localhost:8080", []string{"Origin", "http://localhost:8080"}, 200, ""},
		"another port is another site":    {private, "POST /whip/cam localhost:8080", []string{"Origin", "http://localhost:3000"}, 403, "--allow-origin http://localhost:3000"},
		"a site publishes":                {private, "POST /whip/cam localhost", []string{"Origin", site}, 403, "--allow-origin " + site},
		"a site watches":                  {private, "POST /whep/cam localhost", []string{"Origin", site}, 403, "--allow-origin " + site},
		"a site patches":                  {private, "PATCH /whep/cam/id localhost", []string{"Origin", site}, 403, "--allow-origin"},
		"a site deletes":                  {private, "DELETE /whip/cam/id localhost", []string{"Origin", site}, 403, "--allow-origin"},
		"a site changes a camera":         {private, "PATCH /api/sources/cam localhost", []string{"Origin", site}, 403, "--allow-origin"},
		"a site reads the API":            {private, "GET /api/streams localhost", []string{"Origin", site}, 403, "--allow-origin"},
		"a page from a file":              {private, "POST /whip/cam localhost", []string{"Origin", "null"}, 403, "--allow-origin null"},
		"a site asks what it may":         {private, "OPTIONS /whip/cam localhost", []string{"Origin", site}, 200, ""},
		"a site loads the player":         {private, "GET /static/player/player.js localhost", []string{"Origin", site}, 200, ""},
		"a site shows a snapshot":         {private, "GET /snapshot/cam.jpg localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Referer", site + "/a"}, 403, "--allow-origin " + site},
		"the same, hiding itself":         {private, "GET /snapshot/cam.jpg localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403, "--allow-origin null"},
		"our page shows a snapshot":       {private, "GET /snapshot/cam.jpg localhost", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "no-cors"}, 200, ""},
		"our page, by a proxy's name":     {private, "POST /whip/cam 127.0.0.1:8080", []string{"Origin", "https://cam.example", "Sec-Fetch-Site", "same-origin"}, 200, ""},
		"a rebound page, as browsers say": {private, "POST /whip/cam rebound.example", []string{"Origin", "http://rebound.example", "Sec-Fetch-Site", "same-origin"}, 421, "--host"},
		"a link to a snapshot":            {private, "GET /snapshot/cam.jpg localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200, ""},
		"a site frames a snapshot":        {private, "GET /snapshot/cam.jpg localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Referer", site + "/"}, 403, "--allow-origin " + site},
		"a site frames the player":        {private, "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Referer", site + "/"}, 403, "--allow-origin " + site},
		"a site beside ours does":         {private, "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "object"}, 403, "--allow-origin null"},
		"our page frames the player":      {private, "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 200, ""},
		"a link to the player":            {private, "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200, ""},
		"the policy decides on frames":    {with(func(g *origin.Guard) { g.Framed = []string{site} }), "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Referer", site + "/"}, 200, ""},
		"a token decides on frames":       {with(func(g *origin.Guard) { g.TokenView = true }), "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 200, ""},
		"an allowed site frames":          {with(func(g *origin.Guard) { g.Allowed = []string{site} }), "GET /embed/cam localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Referer", site + "/"}, 200, ""},
		"an allowed site":                 {with(func(g *origin.Guard) { g.Allowed = []string{site} }), "POST /whip/cam localhost", []string{"Origin", site}, 200, ""},
		"one that begins like it":         {with(func(g *origin.Guard) { g.Allowed = []string{site} }), "POST /whip/cam localhost", []string{"Origin", site + ".org"}, 403, "--allow-origin"},
		"all sites":                       {with(func(g *origin.Guard) { g.Allowed = []string{"*"} }), "POST /whip/cam localhost", []string{"Origin", site}, 200, ""},
		"all sites, but by our name":      {with(func(g *origin.Guard) { g.Allowed = []string{"*"} }), "POST /whip/cam rebound.example", []string{"Origin", site}, 421, "--host"},
		"a token decides":                 {publishToken, "POST /whip/cam localhost", []string{"Origin", site}, 200, ""},
		"for what it protects":            {publishToken, "GET /api/sessions localhost", []string{"Origin", site}, 200, ""},
		"and not for watching":            {publishToken, "POST /whep/cam localhost", []string{"Origin", site}, 403, "--allow-origin"},
		"our page behind a proxy":         {proxied, "POST /whip/cam 127.0.0.1:8080", []string{"Origin", "https://cam.example", "X-Forwarded-Host", "cam.example"}, 200, ""},
		"a proxy of somebody else":        {private, "POST /whip/cam 127.0.0.1:8080", []string{"Origin", "https://cam.example", "X-Forwarded-Host", "cam.example"}, 403, "--allow-origin"},
		"a proxy for a name not ours":     {proxied, "POST /whip/cam 127.0.0.1:8080", []string{"Origin", site, "X-Forwarded-Host", "evil.example"}, 403, "--allow-origin"},
		"a public server, any site":       {origin.Guard{}, "POST /whep/cam cam.example.org", []string{"Origin", site}, 200, ""},
		"a name as long as a header is":   {private, "GET / " + strings.Repeat("x", 30_000), nil, 421, "--host"},
	} {
		t.Run(name, func(t *testing.T) {
			var method, path, host string
			parts := strings.Fields(tt.request)
			method, path, host = parts[0], parts[1], parts[2]
			r := httptest.NewRequest(method, path, nil)
			r.Host = host // RemoteAddr is 192.0.2.1
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			w := httptest.NewRecorder()
			tt.guard.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Fatalf("%d, want %d: %s", w.Code, tt.want, w.Body)
			}
			if tt.want == 200 {
				return
			}
			var doc problem.Document
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.Contains(doc.Detail, tt.cure) || len(doc.Detail) > 400 {
				t.Errorf("%v, %q, want %q in it", err, doc.Detail, tt.cure)
			}
		})
	}
}

// Whoever may not watch may not show the player in a frame either, and it is the browser
// that keeps it away, also one that sends no Fetch Metadata.
func TestFrameAncestors(t *testing.T) {
	const site = "https://cms.example"
	for name, tt := range map[string]struct {
		guard origin.Guard
		want  string
	}{
		"a public server":           {origin.Guard{}, ""},
		"a private one":             {origin.Guard{Private: true}, "'self'"},
		"with sites":                {origin.Guard{Private: true, Allowed: []string{site, "null"}}, "'self' " + site},
		"for all sites":             {origin.Guard{Private: true, Allowed: []string{site, "*"}}, ""},
		"a view token protects":     {origin.Guard{Private: true, TokenView: true}, ""},
		"a publish token does not":  {origin.Guard{Private: true, TokenPublish: true}, "'self'"},
		"the operator's own choice": {origin.Guard{Private: true, Framed: []string{"https://*.example"}}, "https://*.example"},
	} {
		if got := strings.Join(tt.guard.FrameAncestors(), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
