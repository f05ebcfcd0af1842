package core

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"time"
)

// world is everything that AWS remembers. It is guarded by the Emulator's lock.
type world struct {
	regions map[string]*Region // "account/region"
	events  []event
	random  *rand.Rand
	clock   Clock
	session map[string]Session // access key → session
	// config and services are the emulator's own: what happens by itself follows them too.
	config   *Config
	services []*Service
	woken    chan struct{} // closed by Region.Wake
}

// event is a transition that happens by itself, such as a NAT gateway becoming available.
type event struct {
	due time.Time
	do  func()
}

func newWorld(e *Emulator) *world {
	return &world{regions: map[string]*Region{}, clock: e.clock, random: rand.New(rand.NewPCG(e.seed, e.seed)), session: map[string]Session{},
		config: &e.config, services: e.services, woken: make(chan struct{})}
}

// settle carries out the transitions that are due, in the order of their time. It runs before every look at the world, so that
// no goroutine is needed and a fake clock decides everything.
func (w *world) settle() {
	now := w.clock.Now()
	for len(w.events) > 0 && !w.events[0].due.After(now) {
		next := w.events[0]
		w.events = w.events[1:]
		next.do()
	}
}

func (w *world) at(due time.Time, do func()) {
	i := sort.Search(len(w.events), func(i int) bool { return w.events[i].due.After(due) })
	w.events = append(w.events, event{})
	copy(w.events[i+1:], w.events[i:])
	w.events[i] = event{due: due, do: do}
	if i == 0 {
		w.wake() // who waits, waits for the first of them
	}
}

func (w *world) region(account, name string) *Region {
	key := account + "/" + name
	if w.regions[key] == nil {
		w.regions[key] = &Region{Account: account, Name: name, world: w, state: map[reflect.Type]any{}, tokens: map[string]token{}}
	}
	return w.regions[key]
}

// Region is one account's part of one region: where services keep their state.
type Region struct {
	Account string
	Name    string
	world   *world
	state   map[reflect.Type]any
	tokens  map[string]token
}

// Of returns the state of type T in this region, made empty at the first call. Each service has one such type.
func Of[T any](r *Region) *T {
	key := reflect.TypeFor[T]()
	if r.state[key] == nil {
		r.state[key] = new(T)
	}
	return r.state[key].(*T)
}

// Everywhere lists all accounts' parts of all regions that anybody has looked at: what is global, such as names of buckets, is looked up there.
func (r *Region) Everywhere() []*Region {
	out := []*Region{}
	for _, key := range slices.Sorted(maps.Keys(r.world.regions)) {
		out = append(out, r.world.regions[key])
	}
	return out
}

// After carries out a transition once d has passed on the emulator's clock; with d = 0 at the next request.
func (r *Region) After(d time.Duration, do func()) { r.world.at(r.world.clock.Now().Add(d), do) }

// Now is the emulator's time.
func (r *Region) Now() time.Time { return r.world.clock.Now() }

// NewID makes an id as EC2 does: prefix, dash, 17 hexadecimal digits.
func (r *Region) NewID(prefix string) string { return prefix + "-" + r.Hex(17) }

// Hex returns n random hexadecimal digits.
func (r *Region) Hex(n int) string {
	out := ""
	for len(out) < n {
		out += fmt.Sprintf("%016x", r.world.random.Uint64())
	}
	return out[:n]
}

// Random is a number from 0 to n-1.
func (r *Region) Random(n int) int { return r.world.random.IntN(n) }

// ARN writes an Amazon Resource Name in this account and region.
func (r *Region) ARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", Partition(r.Name), service, r.Name, r.Account, resource)
}

// Partition is the partition of a region, by its name.
func Partition(region string) string {
	switch {
	case len(region) > 3 && region[:3] == "cn-":
		return "aws-cn"
	case len(region) > 7 && region[:7] == "us-gov-":
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// Global is where the account keeps what belongs to no region, such as its roles.
func (r *Region) Global() *Region { return r.world.region(r.Account, globalRegion) }

// IsGlobal says whether this is it.
func (r *Region) IsGlobal() bool { return r.Name == globalRegion }

const globalRegion = "aws-global"
