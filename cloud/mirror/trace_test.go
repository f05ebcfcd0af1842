package mirror

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

var owned = ec2types.Tag{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/cluster/c1"), Value: aws.String("owned")}

// TestATraceHoldsAsLongAsEveryAnswerIsTheSame changes what a snapshot was asked about, and
// what it wasn't.
func TestATraceHoldsAsLongAsEveryAnswerIsTheSame(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := func(id, vpc string, tags ...ec2types.Tag) ec2types.Subnet {
		return ec2types.Subnet{SubnetId: &id, VpcId: &vpc, Tags: tags}
	}
	before := With(NewSnapshot(cloud.Scope{Account: "1", Region: "r"}), Subnets, began, in("subnet-1", "vpc-1", owned), in("subnet-2", "vpc-2"))
	with := func(rows ...ec2types.Subnet) *Snapshot { return With(before, Subnets, began, rows...) }
	view := func(change func(*tableView)) *Snapshot {
		v := *before.tables[Subnets.Kind]
		change(&v)
		return before.with(Subnets.Kind, &v)
	}
	asUsual := view(func(v *tableView) { v.listings = []time.Time{began.Add(time.Second), began} })
	other := With(before, VPCs, began, VPC{Vpc: ec2types.Vpc{VpcId: aws.String("vpc-1")}})
	for name, c := range map[string]struct {
		ask       func(*Snapshot)
		same, not []*Snapshot
	}{
		"a row": {
			func(s *Snapshot) { Get(s, Subnets, "subnet-1") },
			[]*Snapshot{asUsual, other, with(in("subnet-2", "vpc-3"))}, []*Snapshot{with(in("subnet-1", "vpc-1", owned))},
		},
		"a row that isn't there": {
			func(s *Snapshot) { Get(s, Subnets, "subnet-3") },
			[]*Snapshot{asUsual, other, with(in("subnet-1", "vpc-3"))}, []*Snapshot{with(in("subnet-3", "vpc-1"))},
		},
		"the rows of a VPC": {
			func(s *Snapshot) { InVPC(s, Subnets, "vpc-1") },
			[]*Snapshot{asUsual, other, with(in("subnet-2", "vpc-3"))}, []*Snapshot{with(in("subnet-3", "vpc-1")), with(in("subnet-1", "vpc-3"))},
		},
		"the rows with a tag": {
			func(s *Snapshot) { Tagged(s, Subnets, *owned.Key, *owned.Value) },
			[]*Snapshot{asUsual, other, with(in("subnet-2", "vpc-3"))}, []*Snapshot{with(in("subnet-3", "vpc-3", owned)), with(in("subnet-1", "vpc-1"))},
		},
		"rows by what somebody looks for": {
			func(s *Snapshot) { Select(s, Subnets, func(r *ec2types.Subnet) bool { return *r.VpcId == "vpc-1" }) },
			[]*Snapshot{asUsual, other}, []*Snapshot{with(in("subnet-3", "vpc-1"))},
		},
		"the rows with a tag that isn't indexed": {
			func(s *Snapshot) { Tagged(s, Subnets, "Name", "n") },
			[]*Snapshot{asUsual, other}, []*Snapshot{with(in("subnet-3", "vpc-1", ec2types.Tag{Key: aws.String("Name"), Value: aws.String("n")}))},
		},
		"whether a table was seen": {
			func(s *Snapshot) { s.Seen(Subnets.Kind) },
			[]*Snapshot{asUsual, other, with(in("subnet-3", "vpc-1"))}, []*Snapshot{before.with(Subnets.Kind, nil)},
		},
		"which tables weren't": {
			func(s *Snapshot) { s.Unseen(Whole(Subnets.Kind, VPCs.Kind)) },
			[]*Snapshot{asUsual, with(in("subnet-3", "vpc-1"))}, []*Snapshot{other},
		},
		"how old a table is": {
			func(s *Snapshot) { s.Observed(Subnets.Kind) },
			[]*Snapshot{other}, []*Snapshot{view(func(v *tableView) { v.observed = began.Add(time.Second) })},
		},
		"why a table can't be listed": {
			func(s *Snapshot) { _ = s.Err(Subnets.Kind) },
			[]*Snapshot{asUsual, other}, []*Snapshot{view(func(v *tableView) { v.err = errors.New("no") })},
		},
		"whether what isn't there is proven to be gone": {
			func(s *Snapshot) { s.AbsentSince(Subnets.Kind, began) },
			[]*Snapshot{asUsual, other}, []*Snapshot{view(func(v *tableView) { v.listings = []time.Time{began.Add(2), began.Add(1)} })},
		},
		"whether a row isn't there": {
			func(s *Snapshot) { s.Absent(Subnets.Kind, "subnet-3", began) },
			[]*Snapshot{other}, []*Snapshot{asUsual},
		},
		"where it is": {
			func(*Snapshot) {},
			[]*Snapshot{asUsual, other, with(in("subnet-1", "vpc-3"))}, []*Snapshot{before.of(cloud.Scope{Account: "2", Region: "r"})},
		},
	} {
		t.Run(name, func(t *testing.T) {
			traced, trace := before.Traced()
			c.ask(traced)
			if !trace.Holds(before) {
				t.Error("it doesn't hold for the snapshot that was asked")
			}
			for i, s := range c.same {
				if !trace.Holds(s) {
					t.Errorf("it doesn't hold for one (%d) that answers the same", i)
				}
			}
			for i, s := range c.not {
				if trace.Holds(s) {
					t.Errorf("it holds for one (%d) that answers something else", i)
				}
			}
		})
	}
}

// TestAnErrorIsTheSameOnlyIfItIsTheSame: another one may be of another class.
func TestAnErrorIsTheSameOnlyIfItIsTheSame(t *testing.T) {
	e := errors.New("no")
	type uncomparable struct {
		error
		_ []string
	}
	for name, c := range map[string]struct {
		a, b error
		want bool
	}{
		"none": {nil, nil, true}, "one": {e, e, true}, "one that came": {nil, e, false}, "one that went": {e, nil, false},
		"another one": {e, errors.New("no"), false}, "one that can't be compared": {uncomparable{error: e}, uncomparable{error: e}, false},
	} {
		if got := sameError(c.a, c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
