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
	"porthole/internal/peer"
	"porthole/internal/signaling"
	"porthole/whep"
	"porthole/whip"
)

// serverProfiled is Porthole with a door for profiles, which the real one has not.
const serverProfiled = "profiled"

// profiledMode puts the parts of Porthole together as cmd/porthole does, without
// capture and pages, and with net/http/pprof.
func profiledMode(ctx context.Context, c child) (err error) {
	runtime.MemProfileRate = 32 << 10 // viewers are small
	engine, err := peer.Listen(peer.Config{Media: "127.0.0.1:0", Log: c.log})
	if err != nil {
		return fmt.Errorf("open the media port: %w", err)
	}
	broadcaster := broadcast.New(broadcast.Config{Log: c.log})
	table := signaling.NewTable(signaling.TableConfig{Log: c.log})
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, table.Close(closing), engine.Close(), broadcaster.Close())
	}()
	common := signaling.Config{Table: table, Auth: auth.New(auth.Config{}), Log: c.log}
	publish, err := whip.New(whip.Config{Broadcaster: broadcaster, Engine: engine, Signaling: common})
	if err != nil {
		return err
	}
	watch, err := whep.New(whep.Config{Broadcaster: broadcaster, Engine: engine, Signaling: common})
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
