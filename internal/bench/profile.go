package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// profiledFor is how long processor time is profiled.
const profiledFor = 10 * time.Second

// profile saves profiles of Porthole with viewers, and prints what goroutines
// and memory a viewer costs.
func (p programs) profile(ctx context.Context, cfg config, stdout io.Writer) error {
	viewers := cfg.viewers[0]
	s, err := p.startServer(ctx, serverProfiled, feed{gop: usualGOP})
	if err != nil {
		return err
	}
	defer s.stop()
	if err := sleep(ctx, settled); err != nil {
		return err
	}
	without, err := s.inside(ctx)
	if err != nil {
		return err
	}
	a, err := s.watch(ctx, viewers)
	if err != nil {
		return err
	}
	defer func() { _ = a.Stop() }()
	if err := sleep(ctx, settled); err != nil {
		return err
	}
	for _, f := range []struct{ file, path string }{
		{cfg.profile + ".base", "heap?gc=1"},
		{cfg.profile, fmt.Sprintf("profile?seconds=%d", int(profiledFor.Seconds()))},
		{cfg.profile + ".heap", "heap?gc=1"},
		{cfg.profile + ".goroutine", "goroutine"},
	} {
		content, err := s.debug(ctx, f.path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.file, content, 0o600); err != nil {
			return fmt.Errorf("save the profile: %w", err)
		}
	}
	with, err := s.inside(ctx)
	if err != nil {
		return err
	}
	with.print(stdout, without, viewers)
	_, err = fmt.Fprintf(stdout, `
processor time: go tool pprof -top %[1]s
allocations:    go tool pprof -top -sample_index=alloc_objects -base %[1]s.base %[1]s.heap
memory:         go tool pprof -top -sample_index=inuse_space %[1]s.heap
`, cfg.profile)
	return err
}

// debug gets a page of net/http/pprof.
func (s *server) debug(ctx context.Context, path string) ([]byte, error) {
	content, err := get(ctx, "http://"+s.address+"/debug/pprof/"+path)
	if err != nil {
		return nil, s.Failure(err)
	}
	return content, nil
}

// inside is what a process consists of.
type inside struct {
	goroutines map[string]int // by the function that started them
	memory     map[string]int // bytes, by kind
}

// inside looks into a server in the mode serverProfiled, after a collection.
func (s *server) inside(ctx context.Context) (inside, error) {
	stacks, err := s.debug(ctx, "goroutine?debug=2")
	if err != nil {
		return inside{}, err
	}
	heap, err := s.debug(ctx, "heap?gc=1&debug=1")
	if err != nil {
		return inside{}, err
	}
	return inside{goroutines: creators(string(stacks)), memory: memoryKinds(string(heap))}, nil
}

// creators counts the goroutines of a dump by the function that started them.
func creators(stacks string) map[string]int {
	count := make(map[string]int)
	for line := range strings.Lines(stacks) {
		if by, ok := strings.CutPrefix(line, "created by "); ok {
			by, _, _ = strings.Cut(strings.TrimSpace(by), " in goroutine")
			count[by]++
		}
	}
	return count
}

// memoryKinds reads the end of a heap profile in text form.
func memoryKinds(heap string) map[string]int {
	kinds := make(map[string]int)
	for _, m := range regexp.MustCompile(`(?m)^# (HeapAlloc|HeapObjects|HeapInuse|Stack) = (\d+)`).FindAllStringSubmatch(heap, -1) {
		var n int
		if _, err := fmt.Sscan(m[2], &n); err == nil {
			kinds[m[1]] = n
		}
	}
	return kinds
}

// print tells what each viewer added.
func (i inside) print(w io.Writer, without inside, viewers int) {
	per := func(with, without int) float64 { return float64(with-without) / float64(viewers) }
	fmt.Fprintf(w, "with %d viewers, each viewer has\n\n", viewers)
	fmt.Fprintf(w, "%8.0f KiB of live heap in %.0f objects\n", per(i.memory["HeapAlloc"], without.memory["HeapAlloc"])/1024,
		per(i.memory["HeapObjects"], without.memory["HeapObjects"]))
	fmt.Fprintf(w, "%8.0f KiB of stacks\n", per(i.memory["Stack"], without.memory["Stack"])/1024)
	var names []string
	total := 0.0
	for name, n := range i.goroutines {
		if more := per(n, without.goroutines[name]); more >= 0.05 {
			names = append(names, name)
			total += more
		}
	}
	slices.SortFunc(names, func(a, b string) int { return i.goroutines[b] - i.goroutines[a] })
	fmt.Fprintf(w, "%8.1f goroutines, by the function that started them:\n", total)
	for _, name := range names {
		fmt.Fprintf(w, "%8.1f   %s\n", per(i.goroutines[name], without.goroutines[name]), name)
	}
}
