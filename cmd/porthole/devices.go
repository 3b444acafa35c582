package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"porthole/capture"
	"porthole/internal/settings"
)

type devicesConfig struct {
	JSON bool
}

func devicesSettings() settings.Table[devicesConfig] {
	return settings.Table[devicesConfig]{{
		Name: "json", Help: "Print JSON in place of a table.",
		Value: settings.One(func(c *devicesConfig) *bool { return &c.JSON }, settings.Toggle),
	}}
}

// devicesCommand prints the cameras and microphones of this machine. That there
// are none is no failure.
func devicesCommand(_ context.Context, t terminal) error {
	var c devicesConfig
	if err := usage(devicesSettings().ReadFlags(&c, "porthole devices", t.args)); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(t.stdout, "porthole devices lists the cameras, with what they can do and the URI for --source,\nand the microphones.\n\n")
			devicesSettings().PrintHelp(t.stdout)
		}
		return err
	}
	inventory, err := capture.Devices()
	if err != nil {
		return fmt.Errorf("list devices: %w", err)
	}
	if !c.JSON {
		return inventory.WriteTable(t.stdout)
	}
	encoder := json.NewEncoder(t.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(inventory)
}
