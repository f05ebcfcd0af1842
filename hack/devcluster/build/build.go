package build

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// Options say what to build and where.
type Options struct {
	// Repo is the root of the repository; its hack folder is the module whose tools are built.
	Repo string
	// Bin receives the binaries, and Cluster API's components in the folder "components".
	Bin string
	// Assets is the folder of prebuilt binaries, the value of KUBEBUILDER_ASSETS, or empty.
	Assets string
	// Only restricts the build to these binaries; empty means all.
	Only []string
	// Out receives the progress lines.
	Out io.Writer
}

// Run builds what is missing or out of date. Progress looks like "[3/10] kube-controller-manager ... built in 12s".
func Run(ctx context.Context, opts Options) error {
	if err := os.MkdirAll(opts.Bin, 0o755); err != nil {
		return fmt.Errorf("make the folder for the binaries: %w", err)
	}
	unlock, err := process.Lock(ctx, filepath.Join(opts.Bin, ".lock"), func() { fmt.Fprintf(opts.Out, "Waiting for another build in %s.\n", opts.Bin) })
	if err != nil {
		return err
	}
	defer unlock()
	stamps, err := readStamps(opts.Bin)
	if err != nil {
		return err
	}
	toolchain, err := newToolchain(ctx, opts.Repo)
	if err != nil {
		return err
	}
	jobs := plan(opts, toolchain)
	current := 0
	for i, job := range jobs {
		if job.stamp != "" && stamps[job.name] == job.stamp && exists(filepath.Join(opts.Bin, job.output)) {
			current++
			continue
		}
		begin := time.Now()
		prefix := fmt.Sprintf("[%d/%d] %s", i+1, len(jobs), job.name)
		how, err := job.run(ctx, progress{opts.Out, prefix, begin})
		if err != nil {
			return fmt.Errorf("%s: %w", job.name, err)
		}
		fmt.Fprintf(opts.Out, "%s ... %s in %s\n", prefix, how, time.Since(begin).Round(100*time.Millisecond))
		stamps[job.name] = job.stamp
		if err := writeStamps(opts.Bin, stamps); err != nil {
			return err
		}
	}
	if current > 0 {
		fmt.Fprintf(opts.Out, "%d of %d up to date in %s\n", current, len(jobs), opts.Bin)
	}
	return nil
}

// job is one thing to make.
type job struct {
	name string
	// output is its path below the bin folder.
	output string
	// stamp changes whenever the job must run again; empty means always (Go's own cache then makes it cheap).
	stamp string
	// run makes it and says how ("built", "linked from ...").
	run func(context.Context, progress) (string, error)
}

func plan(opts Options, tc *toolchain) []job {
	var jobs []job
	for _, t := range tools {
		if !wanted(opts.Only, t.name) {
			continue
		}
		output := filepath.Join(opts.Bin, t.name)
		if asset := filepath.Join(opts.Assets, t.name); t.asset && opts.Assets != "" && exists(asset) {
			jobs = append(jobs, job{name: t.name, output: t.name, stamp: "asset " + asset,
				run: func(context.Context, progress) (string, error) { return "linked from " + asset, relink(asset, output) }})
			continue
		}
		jobs = append(jobs, job{name: t.name, output: t.name, stamp: tc.stamp(t),
			run: func(ctx context.Context, p progress) (string, error) {
				return "built", tc.build(ctx, filepath.Join(opts.Repo, "hack"), t, output, p)
			}})
	}
	for _, provider := range capi.Providers {
		if !wanted(opts.Only, provider.Name) {
			continue
		}
		output := capi.ComponentsFile(provider.Name)
		jobs = append(jobs, job{name: provider.Name + " components", output: output, stamp: tc.stamp(target{name: output, ldflags: noFlags}),
			run: func(ctx context.Context, _ progress) (string, error) {
				dir, err := tc.moduleDir(ctx, "sigs.k8s.io/cluster-api")
				if err != nil {
					return "", err
				}
				return "rendered", capi.RenderFile(dir, provider, filepath.Join(opts.Bin, output))
			}})
	}
	for _, t := range ours {
		if !wanted(opts.Only, t.name) || t.asked && len(opts.Only) == 0 || strings.HasPrefix(t.pkg, "./") && !exists(filepath.Join(opts.Repo, t.module, t.pkg)) {
			continue
		}
		jobs = append(jobs, job{name: t.name, output: t.name,
			run: func(ctx context.Context, p progress) (string, error) {
				return "built", tc.build(ctx, filepath.Join(opts.Repo, t.module), t, filepath.Join(opts.Bin, t.name), p)
			}})
	}
	return jobs
}

// relink makes link point at asset, whatever was there.
func relink(asset, link string) error {
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("replace %s: %w", link, err)
	}
	if err := os.Symlink(asset, link); err != nil {
		return fmt.Errorf("link %s: %w", link, err)
	}
	return nil
}

func wanted(only []string, name string) bool {
	if len(only) == 0 {
		return true
	}
	return slices.Contains(only, name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

const stampsFile = ".stamps.json"

func readStamps(bin string) (map[string]string, error) {
	stamps := map[string]string{}
	raw, err := os.ReadFile(filepath.Join(bin, stampsFile))
	if os.IsNotExist(err) {
		return stamps, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the build stamps: %w", err)
	}
	if json.Unmarshal(raw, &stamps) != nil {
		// Damaged stamps only cost a build.
		clear(stamps)
	}
	return stamps, nil
}

func writeStamps(bin string, stamps map[string]string) error {
	raw, err := json.MarshalIndent(stamps, "", "  ")
	if err != nil {
		return err
	}
	temporary := filepath.Join(bin, stampsFile+".new")
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the build stamps: %w", err)
	}
	return os.Rename(temporary, filepath.Join(bin, stampsFile))
}
