// Package tilt checks the Tiltfile as far as that goes without Tilt: its language is Starlark.
package tilt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

const repo = "../../.."

// run executes the Tiltfile with stand-ins for Tilt's functions and returns the commands that it has Tilt run.
func run(t *testing.T, subcommand string, settings map[string]string) (commands []string) {
	t.Helper()
	parsed := starlark.NewDict(len(settings))
	for key, value := range settings {
		if err := parsed.SetKey(starlark.String(key), starlark.String(value)); err != nil {
			t.Fatal(err)
		}
	}
	builtin := func(name string, do func(args starlark.Tuple, named map[string]starlark.Value) starlark.Value) *starlark.Builtin {
		return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			named := map[string]starlark.Value{}
			for _, pair := range kwargs {
				named[string(pair[0].(starlark.String))] = pair[1]
			}
			return do(args, named), nil
		})
	}
	ignore := func(starlark.Tuple, map[string]starlark.Value) starlark.Value { return starlark.None }
	predeclared := starlark.StringDict{
		"config": starlarkstruct.FromStringDict(starlark.String("config"), starlark.StringDict{
			"define_string": builtin("define_string", ignore), "tilt_subcommand": starlark.String(subcommand),
			"parse": builtin("parse", func(starlark.Tuple, map[string]starlark.Value) starlark.Value { return parsed }),
		}),
		"local": builtin("local", func(args starlark.Tuple, _ map[string]starlark.Value) starlark.Value {
			commands = append(commands, string(args[0].(starlark.String)))
			return starlark.None
		}),
		"local_resource": builtin("local_resource", func(_ starlark.Tuple, named map[string]starlark.Value) starlark.Value {
			for _, key := range []string{"cmd", "serve_cmd"} {
				if command, ok := named[key].(starlark.String); ok {
					commands = append(commands, string(command))
				}
			}
			if deps, ok := named["deps"].(*starlark.List); ok {
				for i := range deps.Len() {
					if _, err := os.Stat(filepath.Join(repo, string(deps.Index(i).(starlark.String)))); err != nil {
						t.Error(err)
					}
				}
			}
			return starlark.None
		}),
	}
	// Tilt allows statements at the top level.
	options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}
	if _, err := starlark.ExecFileOptions(options, &starlark.Thread{}, filepath.Join(repo, "Tiltfile"), nil, predeclared); err != nil {
		t.Fatal(err)
	}
	return commands
}

func TestTiltfileStartsAndStopsTheManagementCluster(t *testing.T) {
	for _, c := range []struct {
		subcommand string
		settings   map[string]string
		want       string
	}{
		{"up", nil, "make up|tail -F _run/logs/capa-apiserver.log"},
		{"up", map[string]string{"without": "demo-nodes", "debug": "30000"}, "make up WITHOUT=demo-nodes DEBUG=30000|tail -F _run/logs/capa-apiserver.log"},
		{"down", nil, "make up|tail -F _run/logs/capa-apiserver.log|make down"},
	} {
		if got := fmt.Sprint(strings.Join(run(t, c.subcommand, c.settings), "|")); got != c.want {
			t.Errorf("tilt %s %v runs %s, want %s", c.subcommand, c.settings, got, c.want)
		}
	}
}
