package signaling

import (
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"porthole/internal/ratelimit"
)

// How often a client without the right token is logged: three lines at once and then
// one a minute for each address, and ten a minute of all addresses together. A wrong
// token is most often a publisher with an old setting, which tries again for ever;
// guessing must not fill a disk.
const (
	denialsAtOnce    = 3
	denialsPerMinute = 1

	allDenialsAtOnce    = 20
	allDenialsPerMinute = 10
)

// denials says in the log which clients were refused for their token.
type denials struct {
	clients *ratelimit.Buckets
	all     *rate.Limiter
}

func newDenials() *denials {
	return &denials{
		clients: ratelimit.New(denialsPerMinute/time.Minute.Seconds(), denialsAtOnce),
		all:     rate.NewLimiter(rate.Every(time.Minute/allDenialsPerMinute), allDenialsAtOnce),
	}
}

// log writes the line, if it is not one too many. It holds nothing that the client
// sent but the stream's name, which was found to be one.
func (d *denials) log(h *Handler, r *http.Request, reason error) {
	client, now := h.clientAddr(r), time.Now()
	if !d.clients.Of(client, now).AllowN(now, 1) || !d.all.AllowN(now, 1) {
		return
	}
	h.log.InfoContext(r.Context(), "client refused",
		"protocol", protocolOf(h.role), "method", r.Method, "stream", streamOf(r), "client", client.String(), "reason", reason)
}
