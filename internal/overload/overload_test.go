package overload

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meter is a load that the test sets.
type meter struct {
	mu   sync.Mutex
	load Load
}

func (m *meter) measure() Load {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load
}

func (m *meter) set(l Load) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load = l
}

// A limit has to be passed for a while before anybody is refused, and then the load
// has to be well below it for a while.
func TestGuardTakesItsTime(t *testing.T) {
	const limit = 100 * time.Millisecond
	for name, load := range map[string]func(float64) Load{
		"processor": func(x float64) Load { return Load{CPU: 0.9 * x} },
		"lateness":  func(x float64) Load { return Load{Lateness: time.Duration(x * float64(limit))} },
		"memory":    func(x float64) Load { return Load{Memory: maxMemory * x} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, registry := &meter{}, prometheus.NewRegistry()
				g, err := New(Config{Measure: m.measure, MaxCPU: 0.9, MaxLateness: limit, Registerer: registry})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { g.Run(ctx) })
				defer running.Wait()
				defer cancel()
				expect := func(what string, refused bool) {
					t.Helper()
					synctest.Wait()
					if err := g.Admit(); errors.Is(err, ErrOverloaded) != refused {
						t.Errorf("%s: Admit = %v", what, err)
					}
				}
				time.Sleep(every / 2) // between two measurements
				expect("at first", false)
				m.set(load(1.1))
				time.Sleep(3 * time.Second)
				expect("busy for 3 s", false)
				m.set(load(0.5))
				time.Sleep(2 * time.Second)
				m.set(load(1.1))
				time.Sleep(3 * time.Second)
				expect("busy for 3 s again", false)
				time.Sleep(2 * time.Second)
				expect("busy for 5 s", true)
				m.set(load(0.95))
				time.Sleep(time.Minute)
				expect("just below the limit", true)
				m.set(load(0.8))
				time.Sleep(5 * time.Second)
				expect("well below the limit", false)
				if got := gathered(t, registry, "porthole_overload_refusals_total"); got != 2 {
					t.Errorf("%v refusals are counted, want 2", got)
				}
			})
		})
	}
}

func gathered(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestGuardWithoutLimits(t *testing.T) {
	g, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		g.judge(Load{CPU: 1, Lateness: time.Hour})
	}
	if err := g.Admit(); err != nil {
		t.Error(err)
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if _, err := New(Config{Measure: func() Load { return Load{} }, Registerer: registry}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Registerer: registry}); err == nil {
		t.Error("the same metrics were registered twice")
	}
	if families, err := registry.Gather(); err != nil || len(families) != 5 {
		t.Errorf("%v, %d families", err, len(families))
	}
}

// The meter sees this process use its processor time, and the latest sender.
func TestMeter(t *testing.T) {
	rounds := []Rounds{{Total: time.Second, Rounds: 10}, {}}
	m := Meter{Lateness: func() []Rounds { return append([]Rounds(nil), rounds...) }}
	m.Measure()
	rounds[0].Total += 30 * time.Millisecond // in three rounds
	rounds[0].Rounds += 3
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
	}
	load := m.Measure()
	if load.CPU <= 0 || load.CPU > 1.1 {
		t.Errorf("processor time %v", load.CPU)
	}
	if load.Lateness != 10*time.Millisecond {
		t.Errorf("lateness %v, want 10ms", load.Lateness)
	}
	rounds[1].Waiting = time.Second // it does not come to an end with anything
	if load = m.Measure(); load.Lateness != time.Second {
		t.Errorf("lateness %v, want that of the sender that is stuck", load.Lateness)
	}
	if load.Memory != 0 {
		t.Errorf("memory %v without a limit", load.Memory)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 40))
	if load = m.Measure(); load.Memory <= 0 || load.Memory > 0.1 {
		t.Errorf("memory %v of a TiB", load.Memory)
	}
}

// Beyond the limit a connection is taken to be told so, and beyond that closed; when
// others are closed there is room again.
func TestFilesLeaveRoomForARefusal(t *testing.T) {
	files := filesOf(reserved + spare + 128)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		ConnContext: Context,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if NoRoom(r.Context()) {
				w.Header().Set("Connection", "close")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(files.Listener(l)) }()
	defer func() {
		_ = server.Close()
		<-served
		if n := files.open.Load(); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	}()
	ask := func(c net.Conn) string {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err.Error()
		}
		status := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(c, status); err != nil {
			return err.Error()
		}
		return string(status[9:])
	}
	var open []net.Conn
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		return c
	}
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range files.most {
		if got := ask(dial()); got != "200" {
			t.Errorf("with room: %s", got)
		}
	}
	if got := ask(dial()); got != "503" {
		t.Errorf("without room: %s", got)
	}
	// Only then is the place of who was refused free for one of the next.
	for deadline := time.Now().Add(10 * time.Second); files.open.Load() > files.most; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the refused connection is still counted after 10 s")
		}
	}
	for range files.spare { // who never ask for anything
		dial()
	}
	if got := ask(dial()); !strings.Contains(got, "EOF") && !strings.Contains(got, "reset") && !strings.Contains(got, "pipe") {
		t.Errorf("without room for a refusal: %s", got)
	}
	for _, c := range open {
		_ = c.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if got := ask(dial()); got == "200" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("10 s after all were closed: %s", got)
		}
		_ = open[len(open)-1].Close()
	}
	if files.Refused.Load() == 0 {
		t.Error("nothing is counted as refused")
	}
}

func TestNoLimitOnFiles(t *testing.T) {
	files := filesOf(0)
	for range 100_000 {
		if !files.Take(netip.Addr{}) {
			t.Fatal("refused")
		}
	}
}
