package sessions_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/sessions"
)

// The line at the end of a session tells what was the matter with it, once.
func TestDiagnosisIsLogged(t *testing.T) {
	var log bytes.Buffer
	table := sessions.New(sessions.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	start(t, table, deadSession())
	if err := table.Close(t.Context()); err != nil { // waits for the line
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), `code=no_addresses diagnosis="the client offered no addresses`); got != 1 {
		t.Errorf("told %d times in %s", got, log.String())
	}
}

// Sessions that have ended are remembered for a while, and not too many.
func TestSessionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := sessions.New(sessions.Config{})
		end := func(n int) (ids []string) {
			for range n {
				ids = append(ids, start(t, table, deadSession()))
				synctest.Wait()
			}
			return ids
		}
		known := func(id string) bool { _, ok := table.Info(id); return ok }

		old := end(1)[0]
		time.Sleep(9 * time.Minute)
		if !known(old) {
			t.Error("forgotten after 9 minutes")
		}
		time.Sleep(time.Minute)
		if known(old) || len(table.Sessions()) != 0 {
			t.Error("remembered for longer than 10 minutes")
		}
		ids := end(300)
		if known(ids[43]) || !known(ids[44]) || !known(ids[299]) {
			t.Error("want the newest 256 of 300")
		}
		list := table.Sessions()
		if len(list) != 256 || list[0].ID != ids[299] {
			t.Errorf("got %d sessions, the first is not the newest", len(list))
		}
		if err := table.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
