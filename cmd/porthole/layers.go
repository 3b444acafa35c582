package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"porthole/internal/doctor"
	"porthole/internal/server"
	"porthole/internal/settings"
)

const envPrefix = "PORTHOLE_"

// loaded is a configuration with where each of its values comes from.
type loaded struct {
	server.Config
	origins settings.Layer
}

// loadConfig reads the configuration of the serve command: defaults, under the
// profile's presets, under the YAML file, under the environment, under the flags. The error is a usageError
// that tells every fault, or flag.ErrHelp.
func loadConfig(args, environ []string) (server.Config, error) {
	c, err := loadConfigFor("serve", args, environ)
	return c.Config, err
}

// loadConfigFor is loadConfig for a command that takes the same, and extra flags.
func loadConfigFor(
	command string, args, environ []string, extra ...settings.Setting[server.Config],
) (loaded, error) {
	table := serveSettings()
	own := settings.Table[server.Config]{configSetting()}
	flags, err := slices.Concat(table, extra, own).ParseFlags("porthole "+command, args)
	if err != nil {
		return loaded{}, usage(err)
	}
	env, faults := slices.Concat(table, own).ReadEnv(envPrefix, slices.DeleteFunc(slices.Clone(environ), isLink))

	c := server.DefaultConfig()
	var file settings.Layer
	if path, ok := (settings.Layers{env, flags}).Find("config"); ok {
		if file, err = table.ReadFile(path.Values[0]); err != nil {
			faults = append(faults, named(path.Origin, err)...)
		}
		if table.HoldsSecrets(file) {
			c.SecretFiles = append(c.SecretFiles, doctor.SecretFile{Flag: "--config", Path: path.Values[0]})
		}
	}
	layers := settings.Layers{file, env, flags}
	if profile, ok := layers.Find("profile"); ok {
		layers = slices.Insert(layers, 0, preset(profile.Values[0], layers))
	}
	for _, layer := range layers {
		faults = append(faults, slices.Concat(table, extra).Apply(&c, layer)...)
	}
	if len(faults) == 0 { // else it would judge defaults that nobody chose
		faults = append(faults, c.Validate())
	}
	if err := errors.Join(faults...); err != nil {
		return loaded{}, usageError{err}
	}
	return loaded{c, table.Origins(layers)}, nil
}

// isLink tells variables that Kubernetes and Docker make up for containers beside a service, or a container, that is called
// porthole: its address and ports. They only look like settings.
func isLink(variable string) bool {
	rest, ours := strings.CutPrefix(variable, envPrefix)
	name, _, _ := strings.Cut(rest, "=")
	return ours && (name == "NAME" || name == "PORT" ||
		strings.HasPrefix(name, "PORT_") || strings.HasPrefix(name, "SERVICE_") || strings.HasPrefix(name, "ENV_"))
}

// named puts a name before each of the errors that were joined.
func named(origin string, err error) (faults []error) {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, fault := range list {
		faults = append(faults, fmt.Errorf("%s: %w", origin, fault))
	}
	return faults
}

// usage makes a usageError of a fault of the command line; a wish for help is none.
func usage(err error) error {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{err}
}
