package sessions

import (
	"context"
	"fmt"
	"runtime"
)

// turns bounds how many descriptions are read at a time, of all clients together: the
// processors are for media, and what waits costs no more than its bytes.
type turns chan struct{}

// newTurns leaves half of the processors to media.
func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// InTurn calls read, which must not block, when it is its turn to read what a client has
// sent. ctx bounds the wait.
func (t *Table) InTurn(ctx context.Context, read func() error) error {
	select {
	case t.turns <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait until other offers are read: %w", ctx.Err())
	}
	defer func() { <-t.turns }()
	return read()
}
