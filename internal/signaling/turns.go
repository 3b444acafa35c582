package signaling

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
)

// turns bounds how many descriptions are read at a time, of all clients together: the
// processors are for media, and what waits costs no more than its bytes.
type turns chan struct{}

// newTurns leaves half of the processors to media.
func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// inTurn calls read, which must not block, when it is its turn: within ConnectTimeout.
func (h *Handler) inTurn(r *http.Request, read func() error) error {
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.ConnectTimeout)
	defer cancel()
	select {
	case h.cfg.Table.turns <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait until other offers are read: %w", ctx.Err())
	}
	defer func() { <-h.cfg.Table.turns }()
	return read()
}
