package snapshot

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However many pictures are asked for, making them takes half a processor at most, and
// nobody waits for ever.
func TestPicturesTakeHalfAProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work, during = 100 * time.Millisecond, 20 * time.Second
		turns := newTurns()
		var mu sync.Mutex
		made, busy := 0, 0
		var asking sync.WaitGroup
		end := time.Now().Add(during)
		for range 50 {
			asking.Go(func() {
				for time.Now().Before(end) {
					asked := time.Now()
					err := turns.take()
					if waited := time.Since(asked); waited > turnWithin {
						t.Errorf("waited for %v", waited)
					}
					if err == nil {
						time.Sleep(work)
						turns.give(work)
					} else if !errors.Is(err, errBusy) {
						t.Error(err)
					}
					mu.Lock()
					if err == nil {
						made++
					} else {
						busy++
					}
					mu.Unlock()
				}
			})
		}
		asking.Wait()
		spent := time.Duration(made) * work
		if most := during/2 + places*work + turnWithin; spent > most || spent < during/3 || busy == 0 {
			t.Errorf("%v of work in %v, %d turned away, want %v at most", spent, during, busy, most)
		}
	})
}

func TestOnePictureRestsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		for range 10 { // one in a second, as a page asks for
			began := time.Now()
			if err := turns.take(); err != nil || time.Since(began) > 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			time.Sleep(100 * time.Millisecond)
			turns.give(100 * time.Millisecond)
			time.Sleep(time.Second)
		}
	})
}

// What is kept of pictures is bounded in bytes, oldest first.
func TestKeptPicturesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		kept := func() (n int) {
			for _, p := range m.made {
				n += len(p.JPEG)
			}
			return n
		}
		for i := range 1000 {
			m.keep(fmt.Sprint(i%300), Picture{JPEG: make([]byte, i%7*100_000), Made: time.Now()})
			time.Sleep(time.Millisecond)
			if n := kept(); n > maxBytes || n != m.bytes || len(m.made) > maxCached {
				t.Fatalf("%d bytes of %d pictures are kept, %d were counted", n, len(m.made), m.bytes)
			}
			if _, ok := m.cached(fmt.Sprint(i % 300)); !ok {
				t.Fatal("the newest one is not kept")
			}
		}
		if kept() < maxBytes/2 {
			t.Errorf("only %d bytes are kept", kept())
		}
	})
}
