package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Names under which the servers under test tell about themselves: those of the
// Prometheus client for Go, which Porthole uses.
const (
	metricGoroutines = "go_goroutines"
	metricMallocs    = "go_memstats_mallocs_total"
)

// serve adds /metrics to the routes, serves them on a free loopback port and
// tells the parent which. The returned function ends it.
func serve(ctx context.Context, routes *http.ServeMux, log *slog.Logger) (stop func(), err error) {
	routes.HandleFunc("GET /metrics", writeMetrics)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // it fails by being closed
	log.Info("listening", "http", listener.Addr().String())
	return func() {
		_ = server.Close()
		serving.Wait()
	}, nil
}

func writeMetrics(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "%s %d\n%s %d\n", metricGoroutines, runtime.NumGoroutine(), metricMallocs, m.Mallocs)
}

// metrics is what a server tells about itself.
type metrics struct {
	goroutines float64
	mallocs    float64 // objects ever allocated
}

// scrape asks a server's /metrics.
func scrape(ctx context.Context, address string) (metrics, error) {
	content, err := get(ctx, "http://"+address+"/metrics")
	if err != nil {
		return metrics{}, err
	}
	return parseMetrics(bytes.NewReader(content))
}

// parseMetrics reads the Prometheus text format, as far as it is needed.
func parseMetrics(r io.Reader) (m metrics, err error) {
	want := map[string]*float64{metricGoroutines: &m.goroutines, metricMallocs: &m.mallocs}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if want[name] == nil {
			continue
		}
		if *want[name], err = strconv.ParseFloat(text, 64); err != nil {
			return metrics{}, fmt.Errorf("metric %s: %w", name, err)
		}
		delete(want, name)
	}
	if err := lines.Err(); err != nil {
		return metrics{}, fmt.Errorf("read metrics: %w", err)
	}
	for name := range want {
		return metrics{}, fmt.Errorf("the server has no metric %s", name)
	}
	return m, nil
}
