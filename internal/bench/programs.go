package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// programs are the files that are run.
type programs struct {
	bench    string // this program
	porthole string
}

// findPrograms builds Porthole in dir unless a binary is named. Without cgo it
// has no camera and no test picture, so that it does what it is measured for
// and nothing else.
func findPrograms(ctx context.Context, cfg config, dir string) (programs, error) {
	bench, err := os.Executable()
	if err != nil {
		return programs{}, fmt.Errorf("find this program: %w", err)
	}
	if cfg.profile != "" || !slices.ContainsFunc(cfg.servers, isPorthole) {
		return programs{bench: bench}, nil
	}
	if cfg.binary != "" {
		path, err := filepath.Abs(cfg.binary)
		return programs{bench: bench, porthole: path}, err
	}
	path := filepath.Join(dir, "porthole")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "porthole/cmd/porthole")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return programs{}, fmt.Errorf("build porthole: %w\n%s", err, out)
	}
	return programs{bench: bench, porthole: path}, nil
}
