package main

import (
	"context"
	"fmt"
	"slices"

	"porthole/internal/server"
	"porthole/internal/settings"
)

// completionCommand prints a script for a shell.
func completionCommand(_ context.Context, t terminal) error {
	if len(t.args) == 1 && isHelp(t.args[0]) {
		fmt.Fprint(t.stdout, "porthole completion SHELL prints a script that completes commands, flags and their values:\n\n"+
			"  source <(porthole completion bash)     in ~/.bashrc\n"+
			"  source <(porthole completion zsh)      in ~/.zshrc, after compinit\n"+
			"  porthole completion fish | source      in ~/.config/fish/config.fish\n")
		return nil
	}
	if len(t.args) != 1 {
		return usagef("completion takes the name of a shell: bash, zsh or fish")
	}
	if err := settings.WriteCompletion(t.stdout, t.args[0], "porthole", completions()); err != nil {
		return usage(fmt.Errorf("completion: %w", err))
	}
	return nil
}

// completions is what shells know of the commands. Every command has to be listed.
func completions() []settings.Command {
	config := settings.Table[server.Config]{configSetting()}
	more := map[string]settings.Command{
		"serve":      {Flags: slices.Concat(config, settings.Table[server.Config]{printConfigSetting(new(bool))}, serveSettings()).Flags()},
		"doctor":     {Flags: slices.Concat(config, settings.Table[server.Config]{jsonSetting(new(bool))}, serveSettings()).Flags()},
		"devices":    {Flags: devicesSettings().Flags()},
		"load":       {Flags: loadSettings().Flags()},
		"completion": {Words: settings.Shells()},
	}
	var list []settings.Command
	help := settings.Command{Name: "help", Summary: "explain a command"}
	for _, c := range commands() {
		known := more[c.name]
		known.Name, known.Summary = c.name, c.summary
		list = append(list, known)
		help.Words = append(help.Words, c.name)
	}
	return append(list, help)
}
