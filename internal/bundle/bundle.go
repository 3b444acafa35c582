// Package bundle makes single small files of ES modules and stylesheets, so that a page
// loads with one request what it is made of. The sources stay plain modules, which a
// browser also runs as they are.
//
// It reads from an [fs.FS] only, never from the machine, and knows neither HTTP nor what
// is in the files. esbuild does the work: some tens of milliseconds for all pages.
package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/evanw/esbuild/pkg/api"
)

// Format is what an entry is made into.
type Format int

// The formats. A stylesheet is one in either.
const (
	Module Format = iota // an ES module, with its exports
	Script               // a classic script, for HTML that has it inline; no import.meta in it
)

// Config says what to make of what.
type Config struct {
	Files   fs.FS
	Entries []string // paths in Files, of .js and .css
	Format  Format
	// Replace has the contents of modules that are taken in the place of those in Files.
	Replace map[string]string
}

// namespace keeps esbuild from its own ways to find files.
const namespace = "porthole"

// Build returns what each entry has become, by its path. An error says what is wrong
// with the sources, and where.
func Build(cfg Config) (map[string][]byte, error) {
	options := api.BuildOptions{
		Bundle:   true,
		Outdir:   "/",
		Outbase:  "/",
		Format:   api.FormatESModule,
		Platform: api.PlatformBrowser,
		Target:   api.ES2022,
		Charset:  api.CharsetUTF8, // three bytes for a Chinese letter, not six

		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone,
		Plugins:           []api.Plugin{from(cfg.Files, cfg.Replace)},
		LogLevel:          api.LogLevelSilent,
	}
	if cfg.Format == Script {
		options.Format = api.FormatIIFE
	}
	for _, entry := range cfg.Entries {
		// The path without its extension, which esbuild adds to what it makes.
		options.EntryPointsAdvanced = append(options.EntryPointsAdvanced,
			api.EntryPoint{InputPath: entry, OutputPath: entry[:len(entry)-len(path.Ext(entry))]})
	}
	result := api.Build(options)
	if faults := append(result.Errors, result.Warnings...); len(faults) > 0 {
		return nil, joined(faults)
	}
	made := make(map[string][]byte, len(cfg.Entries))
	for _, file := range result.OutputFiles {
		made[file.Path[1:]] = file.Contents
	}
	return made, nil
}

// from reads modules from files, and those of replace from there.
func from(files fs.FS, replace map[string]string) api.Plugin {
	return api.Plugin{Name: namespace, Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: ".*"}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			name := path.Clean(args.Path) // esbuild puts ./ before one that is also in the working directory
			if args.Kind != api.ResolveEntryPoint {
				name = path.Join(path.Dir(args.Importer), args.Path)
			}
			return api.OnResolveResult{Path: name, Namespace: namespace}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: namespace}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			loader := api.LoaderJS
			if path.Ext(args.Path) == ".css" {
				loader = api.LoaderCSS
			}
			contents, ok := replace[args.Path]
			if !ok {
				body, err := fs.ReadFile(files, args.Path)
				if err != nil {
					return api.OnLoadResult{}, err
				}
				contents = string(body)
			}
			return api.OnLoadResult{Contents: &contents, Loader: loader}, nil
		})
	}}
}

func joined(messages []api.Message) error {
	faults := make([]error, len(messages))
	for i, m := range messages {
		faults[i] = errors.New(m.Text)
		if m.Location != nil {
			faults[i] = fmt.Errorf("%s:%d: %s", m.Location.File, m.Location.Line, m.Text)
		}
	}
	return errors.Join(faults...)
}
