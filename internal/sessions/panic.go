package sessions

import (
	"fmt"

	"porthole/internal/panics"
)

// Recovered logs and counts a panic that was recovered in a session's code, and returns
// the error that the session is to end with: ErrPanic. It is for deferred functions,
// whose stack still is that of the panic.
//
//	defer func() {
//		if value := recover(); value != nil {
//			session.Close(table.Recovered(value, id))
//		}
//	}()
func (t *Table) Recovered(value any, session string) error {
	panics.Log(t.log, "a session, which it ends", value, "session", session)
	if t.onPanic != nil {
		t.onPanic()
	}
	return fmt.Errorf("%w: %v", ErrPanic, value)
}

// contained runs f and turns a panic into an error.
func (t *Table) contained(session string, f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = t.Recovered(value, session)
		}
	}()
	return f()
}
