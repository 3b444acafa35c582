// Package signaling is the HTTP half that WHIP (RFC 9725) and WHEP
// (draft-ietf-wish-whep) share:
//
//	POST   /{stream}             an offer; 201 with the answer, Location and ETag, or
//	                             406 with an offer of ours (counteroffer.go)
//	PATCH  /{stream}/{session}   ICE candidates, an ICE restart, the answer to our offer
//	DELETE /{stream}/{session}   the end
//	GET, HEAD, OPTIONS on both   discovery
//
// and, for viewers, events about the stream (events.go) and a choice among its
// encodings (layer.go) below the session.
//
// One [Handler] serves one protocol; what the protocol does with an offer is an
// [OpenFunc] that package whip or whep provides. A [sessions.Table] holds the sessions of
// both, owns the goroutines that serve them, and keeps what was exchanged.
//
// The package owns everything about the exchange itself: the order of checks, the
// media types, limits on size, time and rate, preconditions, CORS, and the one
// table that turns errors into statuses. It knows neither media nor codecs: what an error of
// those who do means, its class says (package refusal), and it judges an offer only by asking
// package negotiate.
//
// # Order of checks
//
// CORS preflight, route (404) and method (405), rate (429), token (401, 403),
// another server (307), media type (415), precondition (412), size (413) and
// time (408), syntax (400), a restart's precondition (428), meaning (422), state of
// the stream (409), capacity (503). Nothing is read before the token was checked, and
// no connection is built before all of it.
//
// # Access
//
// A session's URL is unguessable, and yet not enough: PATCH and DELETE need the
// same token as the POST did, and an unknown session is 401 to strangers, not 404.
// Endpoints themselves answer GET, HEAD and OPTIONS to everybody, with nothing in
// it that depends on the stream, because players discover them that way.
package signaling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/sse"
	"porthole/internal/streamname"
)

// Defaults for the zero values of Config.
const (
	DefaultMaxBody        = 128 << 10 // bytes; browsers' offers are below 16 KiB
	DefaultBodyTimeout    = 10 * time.Second
	DefaultConnectTimeout = 5 * time.Second // OBS gives up on the whole POST after 8 s
)

// Media types of the two protocols.
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag" // RFC 8840
	typeJSON     = "application/json"
)

// Session is what an accepted offer becomes. Open makes it, which takes its place
// in the stream; Connect, Serve and Close follow, each from one goroutine. Trickle
// and Detail may be called at any time after Connect, by any goroutine.
type Session interface {
	// Serve is called once, after Connect has succeeded; Close in whatever state the
	// session is, also before Connect or after its failure.
	sessions.Session
	// Connect builds the connection and returns the answer (application/sdp). ctx
	// bounds the making of the answer, not the session. It is called once.
	Connect(ctx context.Context) (answer string, err error)
	// Trickle takes candidates of the client. An error says that the session is over.
	Trickle(f *negotiate.Fragment) error
}

// Restarter may be implemented by a Session that can restart ICE (RFC 9725 section
// 4.3.3). f holds the client's new credentials and candidates; the result holds the
// server's. An error leaves the session as it was.
type Restarter interface {
	Restart(ctx context.Context, f *negotiate.Fragment) (*negotiate.Fragment, error)
}

// Answerable is a Session whose Connect returns an offer of ours, a counter-offer.
type Answerable interface {
	// Answer takes the client's answer (application/sdp) and returns its ICE
	// credentials. It is called once successfully.
	Answer(body []byte) (ufrag, pwd string, err error)
}

// Request is what a client asks for with a POST that was found to be in order.
type Request struct {
	// ID is that of the session, for logs.
	ID     string
	Stream string
	// Offer is the client's. With CounterOffer it may be nil.
	Offer *negotiate.Offer
	// CounterOffer asks for a Session that is an Answerable: in WHEP only.
	CounterOffer bool
	// Publisher is who publishes (auth.Principal), "" when that is not
	// known, and in WHEP.
	Publisher string
	// Client is who asks, as trusted proxies tell it.
	Client netip.Addr
}

// OpenFunc takes a place in a stream for a valid offer. It must be quick and must
// not build a connection yet: that is Connect's part. Its errors are turned into
// statuses by the table in status.go.
type OpenFunc func(Request) (Session, error)

// Config is what WHIP and WHEP have in common. Table and Auth are required; the
// zero value of everything else is useful.
type Config struct {
	Table *sessions.Table
	Auth  *auth.Verifier
	// Admit is asked before a viewer is given a place. Its error, which the client is
	// shown, refuses the offer for now, with 503; nil: it is never asked. Publishers
	// are not refused: they cost little, and their viewers are here already.
	Admit func() error
	// Limiter bounds the requests of each client; nil: no bound.
	Limiter *Limiter
	// Events bounds the streams of events that are read at a time; nil: no bound.
	Events *sse.Limit
	// ICEServers returns the servers that authorised clients are told of, in the
	// order of preference. It is asked for each answer and must not block; nil: none.
	ICEServers func(ICERequest) []ICEServer
	// BasePath is what a reverse proxy in front takes off the path, "/cam" for
	// example: Location must have it. A trusted proxy may send it as
	// X-Forwarded-Prefix instead.
	BasePath string
	// TrustedProxies are the addresses whose X-Forwarded-For and X-Forwarded-Prefix
	// are believed. Behind a proxy that is not listed, all clients share one rate.
	TrustedProxies []netip.Prefix
	// MaxBody is the limit of a request's body in bytes; 0: DefaultMaxBody.
	MaxBody int64
	// BodyTimeout is how long a client may take to send it; 0: DefaultBodyTimeout.
	BodyTimeout time.Duration
	// ConnectTimeout bounds the making of an answer; 0: DefaultConnectTimeout.
	ConnectTimeout time.Duration
	// RedirectTo is the base URL of another server, to which offers are sent with 307
	// after Table.Drain; nil: they are answered 503.
	RedirectTo *url.URL
	// LenientRestart accepts an ICE restart without If-Match as if it said "*", where
	// the RFC wants 428. Candidates never need the header.
	LenientRestart bool
	// Log receives a line at the start and the end of each session, for each answer of
	// status 500, and for a client without the right token, the last of these within
	// bounds; nil discards them.
	Log *slog.Logger
}

// Handler serves one protocol. It is read-only after New and keeps no goroutines;
// those of the sessions belong to the Table.
type Handler struct {
	role    negotiate.Role
	open    OpenFunc
	cfg     Config
	log     *slog.Logger
	denials *denials
}

// New makes the handler of the protocol that offers of role belong to: WHIP for
// negotiate.Publish, WHEP for negotiate.Watch. It fails when Table or Auth is
// missing or BasePath is not a path.
func New(role negotiate.Role, open OpenFunc, cfg Config) (*Handler, error) {
	if cfg.Table == nil || cfg.Auth == nil || open == nil {
		return nil, errors.New("signaling needs a session table, a token verifier and an open function")
	}
	base, ok := cleanPrefix(cfg.BasePath)
	if !ok {
		return nil, errors.New("base path: want a path such as /cam")
	}
	cfg.BasePath = base
	cfg.MaxBody = cmp.Or(cfg.MaxBody, DefaultMaxBody)
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, DefaultBodyTimeout)
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, DefaultConnectTimeout)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Handler{role: role, open: open, cfg: cfg, log: cfg.Log, denials: newDenials()}, nil
}

// Routes adds the routes to a router of the handler's own, with its middleware and
// its 404: r.Route("/whip", h.Routes). A slash at the end of a path is tolerated
// without a redirect, which would turn a POST into a GET in several clients.
func (h *Handler) Routes(r chi.Router) {
	r.Use(openToPages.Middleware, preflights, h.bounded)
	r.NotFound(h.handle(func(http.ResponseWriter, *http.Request) error { return errNoRoute }))
	endpoint := h.methods(map[string]http.Handler{
		http.MethodPost:    h.guarded(h.recorded(h.create)),
		http.MethodGet:     h.handle(h.describeEndpoint),
		http.MethodHead:    h.handle(h.describeEndpoint),
		http.MethodOptions: h.handle(h.endpointOptions),
	})
	session := h.methods(map[string]http.Handler{
		http.MethodPatch:   h.guarded(h.recorded(h.patch)),
		http.MethodDelete:  h.guarded(h.recorded(h.end)),
		http.MethodGet:     h.guarded(h.recorded(h.describeSession)),
		http.MethodHead:    h.guarded(h.recorded(h.describeSession)),
		http.MethodOptions: h.handle(h.sessionOptions),
	})
	for _, slash := range []string{"", "/"} {
		r.Handle("/{stream}"+slash, endpoint)
		r.Handle("/{stream}/{session}"+slash, session)
		if h.role == negotiate.Watch {
			r.Handle("/{stream}/{session}/events"+slash, h.feedsRoute())
			r.Handle("/{stream}/{session}/events/{feed}"+slash, h.feedRoute())
			r.Handle("/{stream}/{session}/layer"+slash, h.layerRoute())
		}
	}
}

// feedsRoute is where a viewer asks for events, and feedRoute where it gets them.
func (h *Handler) feedsRoute() http.Handler {
	return h.methods(map[string]http.Handler{
		http.MethodPost:    h.guarded(h.recorded(h.createFeed)),
		http.MethodOptions: h.handle(h.feedsOptions),
	})
}

// layerRoute is where a viewer chooses an encoding of the picture.
func (h *Handler) layerRoute() http.Handler {
	return h.methods(map[string]http.Handler{
		http.MethodPost:    h.guarded(h.chooseLayer),
		http.MethodDelete:  h.guarded(h.unchooseLayer),
		http.MethodOptions: h.handle(h.feedsOptions), // JSON here too
	})
}

func (h *Handler) feedRoute() http.Handler {
	return h.methods(map[string]http.Handler{
		http.MethodGet:     h.handle(h.readFeed), // without a token: see events.go
		http.MethodHead:    h.handle(h.describeFeed),
		http.MethodDelete:  h.guarded(h.recorded(h.endFeed)),
		http.MethodOptions: h.handle(h.feedOptions),
	})
}

// action is what a client needs the right to do.
func (h *Handler) action() auth.Action {
	if h.role == negotiate.Publish {
		return auth.Publish
	}
	return auth.View
}

// handle makes a handler of a function whose error becomes the answer.
func (h *Handler) handle(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // there are ICE credentials inside
		if err := f(w, r); err != nil {
			h.fail(w, r, err)
		}
	}
}

// guarded is handle for clients who have a token, within their rate.
func (h *Handler) guarded(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	allowed := h.handle(f)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := h.cfg.Auth.Check(r, h.action(), streamOf(r))
		if err != nil {
			h.denials.log(h, r, err)
			auth.Deny(w, err)
			return
		}
		allowed(w, auth.Known(r, who))
	})
}

// methods picks a handler by method, after the stream's name was found to be one
// and the client to be within its rate. chi's own answer to other methods has
// neither a body nor CORS headers, and a custom one does not know what to allow.
func (h *Handler) methods(handlers map[string]http.Handler) http.HandlerFunc {
	allow := allowed(handlers)
	return h.handle(func(w http.ResponseWriter, r *http.Request) error {
		if !streamname.Valid(streamOf(r)) {
			return errNoStream
		}
		next, ok := handlers[r.Method]
		if !ok {
			w.Header().Set("Allow", allow)
			return misplaced(r)
		}
		if err := h.cfg.Limiter.allow(h.clientAddr(r)); err != nil {
			return err
		}
		if r.Method == http.MethodOptions {
			w.Header().Set("Allow", allow)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// misplaced says what is wrong with a request whose path does not have its method. An
// offer that was posted to a session meant a stream with a slash in its name, which
// other servers have.
func misplaced(r *http.Request) error {
	stream, session := streamOf(r), sessionOf(r)
	switch {
	case r.Method != http.MethodPost || session == "":
		return errMethod
	case streamname.Valid(stream + "-" + session):
		return fmt.Errorf("%w: use %s-%s in place of %[2]s/%[3]s", errNestedName, stream, session)
	default:
		return errNestedName
	}
}

// allowed lists methods in the usual order.
func allowed(handlers map[string]http.Handler) string {
	var names []string
	for _, m := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost,
		http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		if handlers[m] != nil {
			names = append(names, m)
		}
	}
	return strings.Join(names, ", ")
}
