package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/core"
	"porthole/internal/peer"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// serverProfiled is Porthole with a door for profiles, which the real one has not.
const serverProfiled = "profiled"

// profiledMode serves WHIP and WHEP as Porthole does, without capture and pages, and
// with net/http/pprof.
func profiledMode(ctx context.Context, c child) (err error) {
	runtime.MemProfileRate = 32 << 10 // viewers are small
	parts, err := core.New(core.Config{
		Peer:      peer.Config{Media: "127.0.0.1:0", Log: c.log},
		Broadcast: broadcast.Config{Log: c.log},
		Table:     sessions.Config{Log: c.log},
	})
	if err != nil {
		return fmt.Errorf("open the media port: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, parts.Close(closing, nil))
	}()
	publish, watch, err := parts.Handlers(signaling.Config{Auth: auth.New(auth.Config{}), Log: c.log})
	if err != nil {
		return err
	}
	router := chi.NewRouter()
	router.Route("/whip", publish.Routes)
	router.Route("/whep", watch.Routes)
	routes := http.NewServeMux()
	routes.Handle("/", router)
	routes.HandleFunc("GET /debug/pprof/", pprof.Index)
	routes.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	stop, err := serve(ctx, routes, c.log)
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return nil
}
