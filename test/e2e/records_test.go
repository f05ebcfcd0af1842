package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// records is what AWS keeps of everything there is, by what names it.
type records map[string]emulator.Record

// records returns what AWS keeps now.
func (w *world) records() records {
	out := records{}
	for _, r := range w.aws.Records("", "") {
		if r.Service == "iam" && r.Implied {
			continue // every account has it from the beginning, and shows it once somebody looks
		}
		r.Resource.Content = nil // what the service works with
		out[r.Key()] = r
	}
	return out
}

// ids are what calls could name any of the records by: ids, ARNs and names.
func (r records) ids() []string {
	var out []string
	for _, record := range r {
		out = append(out, record.ID)
		if content, ok := record.Content.(map[string]any); ok && record.Service == "elbv2" {
			for _, field := range []string{"LoadBalancerName", "TargetGroupName"} {
				if name, ok := content[field].(string); ok {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// of returns the ids of a type, whose content has the text.
func (r records) of(kind, text string) []string {
	var out []string
	for _, record := range r {
		if record.Type == kind && strings.Contains(pretty(record.Content), text) {
			out = append(out, record.ID)
		}
	}
	slices.Sort(out)
	return out
}

// waitStill waits until nothing changes AWS any more by itself.
func (w *world) waitStill() {
	w.t.Helper()
	w.eventually("nothing changes any more", func(context.Context) error {
		w.aws.ClearLog()
		time.Sleep(stillness)
		if calls := w.aws.Changes(); len(calls) > 0 {
			return errors.New(wrote(calls))
		}
		return nil
	})
}

// stillness is longer than the sweeps of who waits for it, and what follows them.
const stillness = 8 * time.Second

// stayed fails for each record that isn't there any more as it was.
func (w *world) stayed(t *testing.T, before records) {
	t.Helper()
	now := w.records()
	for key, was := range before {
		is, there := now[key]
		if !there {
			t.Errorf("%s is gone", key)
		} else if diff := gocmp.Diff(was, is); diff != "" {
			t.Errorf("%s isn't what it was:\n%s", key, diff)
		}
	}
}

// nothingNew fails for each record that wasn't there before.
func (w *world) nothingNew(t *testing.T, before records) {
	t.Helper()
	for key, is := range w.records() {
		if _, there := before[key]; !there {
			t.Errorf("%s wasn't there before: %s", key, pretty(is.Content))
		}
	}
}

// wrote describes requests, for people.
func wrote(entries []emulator.Entry) string {
	var out strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&out, "%s %s %s %v %v\n", e.Time.Format("15:04:05.000"), e.Key(), e.Outcome+e.Code, e.Resources, e.Params)
	}
	return out.String()
}

var (
	// referring are the calls that make something beside what they name, and leave that
	// as it is.
	referring = regexp.MustCompile(`^(ec2\.(RunInstances|CreateSecurityGroup)|autoscaling\.CreateAutoScalingGroup|elbv2\.(CreateLoadBalancer|CreateTargetGroup))$`)
	// referable is what AWS's users share: networks, groups and hosts, and interfaces, of
	// which AWS gives nobody one that is in use.
	referable = regexp.MustCompile(`^(vpc|subnet|sg|h|eni)-`)
)

// harmed are the requests since the last ClearLog that could have changed a record.
func (w *world) harmed(before records) []emulator.Entry {
	ids := before.ids()
	return slices.DeleteFunc(w.aws.Changes(ids...), func(e emulator.Entry) bool {
		return referring.MatchString(e.Key()) && !slices.ContainsFunc(e.Resources, func(id string) bool {
			return slices.Contains(ids, id) && !referable.MatchString(id)
		})
	})
}
