package settings

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Command is what completions know of a sub-command.
type Command struct {
	Name, Summary string
	Flags         []Flag
	Words         []string // what else it takes
}

// Flag is what completions know of a flag.
type Flag struct {
	Name, Arg, Help string // Arg is empty for a flag without value
	Choices         []string
	Repeats         bool
}

// Flags lists the flags of the table for completions.
func (t Table[T]) Flags() []Flag {
	flags := make([]Flag, len(t))
	for i, s := range t {
		help := strings.ReplaceAll(s.Help, "\n", " ")
		if end := strings.Index(help, ". "); end >= 0 {
			help = help[:end]
		}
		flags[i] = Flag{Name: s.Name, Arg: s.Arg, Help: strings.TrimSuffix(help, "."), Choices: s.Choices, Repeats: s.List}
	}
	return flags
}

// file says whether the flag takes a file's name.
func (f Flag) file() bool { return f.Arg == "FILE" }

// Shells are those that there are completions for.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// WriteCompletion writes a script that lets shell complete what follows program. The
// first of the commands is the one that flags without a command belong to.
func WriteCompletion(w io.Writer, shell, program string, commands []Command) error {
	write, ok := map[string]func(io.Writer, string, []Command){
		"bash": bash, "zsh": zsh, "fish": fish,
	}[shell]
	if !ok {
		return fmt.Errorf("%q is not one of %s", shell, strings.Join(Shells(), ", "))
	}
	var script bytes.Buffer
	write(&script, program, commands)
	_, err := script.WriteTo(w)
	return err
}

func bash(w io.Writer, program string, commands []Command) {
	first := commands[0]
	fmt.Fprintf(w, `# Completion of %[1]s for bash: source <(%[1]s completion bash)
_%[1]s() {
	local IFS=$' \t\n' cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" command=%[2]s
	COMPREPLY=()
	if ((COMP_CWORD > 1)); then
		case "${COMP_WORDS[1]}" in
		%[3]s) command="${COMP_WORDS[1]}" ;;
		esac
	elif [[ $cur != -* ]]; then
		COMPREPLY=($(compgen -W "%[4]s" -- "$cur"))
		return
	fi
	case "$command $prev" in
`, program, first.Name, strings.Join(names(commands), " | "), strings.Join(names(commands), " "))
	for _, c := range commands {
		var files, free []string
		for _, f := range c.Flags {
			pattern := fmt.Sprintf(`"%s --%s"`, c.Name, f.Name)
			switch {
			case f.file():
				files = append(files, pattern)
			case len(f.Choices) > 0:
				fmt.Fprintf(w, "\t%s)\n\t\tCOMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))\n\t\treturn\n\t\t;;\n", pattern, strings.Join(f.Choices, " "))
			case f.Arg != "":
				free = append(free, pattern)
			}
		}
		if len(files) > 0 {
			fmt.Fprintf(w, "\t%s)\n\t\tIFS=$'\\n'\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\t\treturn\n\t\t;;\n", strings.Join(files, " | "))
		}
		if len(free) > 0 {
			fmt.Fprintf(w, "\t%s) return ;;\n", strings.Join(free, " | "))
		}
	}
	fmt.Fprint(w, "\tesac\n\tcase \"$command\" in\n")
	for _, c := range commands {
		words := slices.Clone(c.Words)
		for _, f := range c.Flags {
			words = append(words, "--"+f.Name)
		}
		fmt.Fprintf(w, "\t%s) COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")) ;;\n", c.Name, strings.Join(words, " "))
	}
	fmt.Fprintf(w, "\tesac\n}\ncomplete -F _%[1]s %[1]s\n", program)
}

func zsh(w io.Writer, program string, commands []Command) {
	fmt.Fprintf(w, `#compdef %[1]s
# Completion of %[1]s for zsh: source <(%[1]s completion zsh), or a file _%[1]s in $fpath.
_%[1]s() {
	local command=%[2]s
	local -a commands
	commands=(
`, program, commands[0].Name)
	for _, c := range commands {
		fmt.Fprintf(w, "\t\t'%s:%s'\n", c.Name, quoted(c.Summary))
	}
	fmt.Fprintf(w, `	)
	if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
		_describe command commands
		return
	fi
	case $words[2] in
	%s)
		command=$words[2]
		shift words
		((CURRENT--))
		;;
	esac
	case $command in
`, strings.Join(names(commands), " | "))
	for _, c := range commands {
		fmt.Fprintf(w, "\t%s)\n\t\t_arguments", c.Name)
		for _, f := range c.Flags {
			repeats := ""
			if f.Repeats {
				repeats = "*"
			}
			value := ""
			switch {
			case f.file():
				value = ":FILE:_files"
			case len(f.Choices) > 0:
				value = ":" + zshText(f.Arg) + ":(" + strings.Join(f.Choices, " ") + ")"
			case f.Arg != "":
				value = ":" + zshText(f.Arg) + ": "
			}
			fmt.Fprintf(w, " \\\n\t\t\t'%s--%s[%s]%s'", repeats, f.Name, zshText(f.Help), value)
		}
		if len(c.Words) > 0 {
			fmt.Fprintf(w, " \\\n\t\t\t'1:argument:(%s)'", strings.Join(c.Words, " "))
		}
		fmt.Fprint(w, "\n\t\t;;\n")
	}
	fmt.Fprintf(w, `	esac
}
if [[ $funcstack[1] == _%[1]s ]]; then
	_%[1]s "$@"
else
	compdef _%[1]s %[1]s
fi
`, program)
}

// zshText quotes what stands in a specification of _arguments.
func zshText(text string) string {
	return quoted(strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text))
}

func fish(w io.Writer, program string, commands []Command) {
	fmt.Fprintf(w, "# Completion of %[1]s for fish: %[1]s completion fish | source\ncomplete -c %[1]s -f\n", program)
	others := strings.Join(names(commands[1:]), " ")
	for i, c := range commands {
		fmt.Fprintf(w, "complete -c %s -n __fish_use_subcommand -a %s -d '%s'\n", program, c.Name, fishText(c.Summary))
		when := "__fish_seen_subcommand_from " + c.Name
		if i == 0 {
			when = "not __fish_seen_subcommand_from " + others
		}
		for _, f := range c.Flags {
			value := ""
			switch {
			case f.file():
				value = " -r -F"
			case len(f.Choices) > 0:
				value = " -x -a '" + strings.Join(f.Choices, " ") + "'"
			case f.Arg != "":
				value = " -x"
			}
			fmt.Fprintf(w, "complete -c %s -n '%s' -l %s%s -d '%s'\n", program, when, f.Name, value, fishText(f.Help))
		}
		for _, word := range c.Words {
			fmt.Fprintf(w, "complete -c %s -n '%s' -a %s\n", program, when, word)
		}
	}
}

// fishText quotes a text for fish, which knows two escapes between single quotes.
func fishText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text)
}

// quoted is what stands between single quotes of bash and zsh.
func quoted(text string) string { return strings.ReplaceAll(text, `'`, `'\''`) }

func names(commands []Command) []string {
	list := make([]string, len(commands))
	for i, c := range commands {
		list[i] = c.Name
	}
	return list
}
