package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"rsc.io/qr"

	"porthole/internal/server"
)

// announce tells programs where the server can be reached, by a log record whose addresses are the real ones even for port 0.
func announce(cfg server.Config, s *server.Server) {
	attrs := []any{"http", s.Addr().String(), "media", s.MediaAddr().String()}
	if turn := s.TURNAddr(); turn.IsValid() {
		attrs = append(attrs, "turn", turn.String())
	}
	cfg.Log.Info("listening", attrs...)
}

// welcomeWithin is how long the lines for people wait for sources, so that they are the last ones when the start is over.
const welcomeWithin = 3 * time.Second

// welcome tells people where to look, once the sources of this machine are there.
type welcome struct {
	out       io.Writer
	terminal  bool // a person reads out: it may hold a token, and a code to scan
	cfg       server.Config
	addr      net.Addr
	generated bool // the publish token was made for this run
}

// tell waits for the sources and writes the lines, unless ctx ends before.
func (w welcome) tell(ctx context.Context, s *server.Server) {
	waiting, cancel := context.WithTimeout(ctx, welcomeWithin)
	defer cancel()
	s.AwaitSources(waiting)
	if ctx.Err() == nil {
		io.WriteString(w.out, w.text()) //nolint:errcheck // nobody reads it
	}
}

// text is the lines: what others open is last.
func (w welcome) text() string {
	var text strings.Builder
	if w.generated {
		fmt.Fprintf(&text, "\nPublishers need the token %s (made for this run; --publish-token sets your own).\n", string(w.cfg.PublishToken))
	}
	bases := w.bases()
	shared := w.ready(bases[len(bases)-1])
	if w.cfg.BeyondLoopback() && w.terminal {
		if code, err := qr.Encode(shared, qr.L); err == nil {
			text.WriteString("\n" + drawQR(code))
		}
	}
	text.WriteString("\nPorthole is ready. Open\n\n")
	for _, base := range bases[:len(bases)-1] {
		fmt.Fprintf(&text, "    %s   on this machine\n", w.ready(base))
	}
	fmt.Fprintf(&text, "    %s", shared)
	if len(bases) > 1 {
		text.WriteString("   on others")
	}
	text.WriteString("\n")
	if w.cfg.ViewToken != "" && !w.terminal {
		text.WriteString("\nwith the token of --view-token.\n")
	}
	return text.String() + "\n"
}

// ready is the URL to open below a base: with a view token, that of a stream with the token behind the #, where it
// reaches no log of others.
func (w welcome) ready(base string) string {
	if w.cfg.ViewToken == "" {
		return base
	}
	stream := "webcam"
	if len(w.cfg.Sources) > 0 {
		stream = w.cfg.Sources[0].Name
	}
	base += "watch/" + stream
	if w.terminal {
		base += "#token=" + url.QueryEscape(string(w.cfg.ViewToken))
	}
	return base
}

// bases are the URLs of the server, that for others last.
func (w welcome) bases() []string {
	scheme := "http"
	if w.cfg.Cert != "" {
		scheme = "https"
	}
	hosts := server.ReachableHosts(w.addr)
	if len(w.cfg.Hosts) > 0 && w.cfg.BeyondLoopback() { // a name that somebody chose is the one to tell others
		_, port, _ := net.SplitHostPort(hosts[0])
		hosts = []string{hosts[0], net.JoinHostPort(w.cfg.Hosts[0], port)}
	}
	for i, host := range hosts {
		hosts[i] = scheme + "://" + host + "/"
	}
	return hosts
}

// drawQR draws a code two dots a letter, dark on light whatever the terminal's colours are.
func drawQR(code *qr.Code) string {
	const quiet = 2 // dots of light around it
	var text strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		text.WriteString("    \x1b[30;107m") // black on bright white
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := code.Black(x, y), code.Black(x, y+1)
			text.WriteString(map[[2]bool]string{{true, true}: "█", {true, false}: "▀", {false, true}: "▄"}[[2]bool{upper, lower}])
			if !upper && !lower {
				text.WriteByte(' ')
			}
		}
		text.WriteString("\x1b[0m\n")
	}
	return text.String()
}
