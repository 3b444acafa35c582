package server

import (
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"porthole/internal/iceserver"
)

func TestBeyondLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": false, "127.8.9.1:80": false, "[::1]:80": false, "localhost:80": false, "[::ffff:127.0.0.1]:80": false,
		":80": true, "0.0.0.0:80": true, "[::]:80": true, "192.168.1.2:80": true, "camera.example:80": true,
	} {
		if got := (Config{HTTP: address}).BeyondLoopback(); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

// A configuration that is logged or printed shows no secret.
func TestConfigHidesSecrets(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PublishToken, cfg.TURNSecret = "s3cret", "s3cret"
	cfg.TURN = []iceserver.Server{{Scheme: "turn", Host: "h", Port: 1, Username: "u", Password: "s3cret", Secret: "s3cret"}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("configuration", "config", cfg)
	slog.New(slog.NewTextHandler(&log, nil)).Info("configuration", "config", cfg)
	if strings.Contains(log.String(), "s3cret") || !json.Valid([]byte(strings.Split(log.String(), "\n")[0])) {
		t.Errorf("logged %s", log.String())
	}
}

// Sources that are fallbacks get names that nothing else has.
func TestNamesOfFallbackSources(t *testing.T) {
	slate := func(uri string) Source { return Source{URI: uri} }
	c := Config{
		Sources: []Source{{Name: "cam"}, {Name: "pattern"}},
		Fallbacks: []Fallback{
			{Stream: "door", Name: "cam"}, {Stream: "hall", Source: slate("pattern:?fps=5")},
			{Stream: "shed", Source: slate("pattern:?fps=5")}, {Source: slate("pattern:")},
		},
	}
	shown, sources := c.shownFallbacks()
	want := map[string]string{"door": "cam", "hall": "pattern-2", "shed": "pattern-2", "": "pattern-3"}
	if !maps.Equal(shown, want) {
		t.Errorf("got %v, want %v", shown, want)
	}
	if len(sources) != 2 || sources[0].Name != "pattern-2" || sources[0].URI != "pattern:?fps=5" || sources[1].URI != "pattern:" {
		t.Errorf("sources %+v", sources)
	}
}
