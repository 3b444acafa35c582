package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/backlog"
	"porthole/internal/server"
)

// flushWithin is how long the end of the process waits for who reads the log.
const flushWithin = 500 * time.Millisecond

// newLogger makes the one logger of the process, in the format of --log-format.
func newLogger(format string, level slog.Leveler, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// newLogQueue stands between the logger and stderr, which may be a terminal that was
// stopped or a pipe that nobody reads: requests and the end of the process go on.
func newLogQueue(c server.Config, stderr io.Writer) *backlog.Writer {
	return backlog.New(backlog.Config{Out: stderr, Note: func(n uint64) []byte {
		var record bytes.Buffer
		newLogger(c.LogFormat, c.LogLevel, &record).Warn("log records were dropped, because nobody read them in time", "records", n)
		return record.Bytes()
	}})
}

// newDropCounter tells of log records that nobody will read.
func newDropCounter(log *backlog.Writer) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "porthole_log_records_dropped_total",
		Help: "Log records that were dropped, because standard error did not take them in time, or at all.",
	}, func() float64 { return float64(log.Dropped()) })
}

// outliveReaders makes writing to a closed stdout or stderr an error like any other,
// until the returned function is called; by default, it ends the process (os/signal,
// SIGPIPE). Programs that this one starts are not affected.
func outliveReaders() (stop func()) {
	broken := make(chan os.Signal, 1) // nobody reads it: the write has failed, and that is all
	signal.Notify(broken, syscall.SIGPIPE)
	return func() { signal.Stop(broken) }
}
