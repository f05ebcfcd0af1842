package admission

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// quotas are the codes of EC2's vCPU quotas by class of instance families, from
// https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
var quotas = map[string]struct{ onDemand, spot, title string }{
	"standard": {"L-1216C47A", "L-34B43A08", "Standard (A, C, D, H, I, M, R, T, Z)"},
	"f":        {"L-74FC7D96", "L-88CF9481", "F"},
	"g":        {"L-DB2E81BA", "L-3819A6DF", "G and VT"},
	"p":        {"L-417A185B", "L-7212CCBC", "P"},
	"x":        {"L-7295265B", "L-E3A00192", "X"},
	"inf":      {"L-1945791B", "L-B5D1601B", "Inf"},
	"trn":      {"L-2C3B7624", "L-6B0D517C", "Trn"},
	"dl":       {"L-6E869C2A", "L-85EED4F7", "DL"},
}

// classes are the classes of families that aren't named like their class.
var classes = map[string]string{
	"a": "standard", "c": "standard", "d": "standard", "h": "standard", "i": "standard", "im": "standard", "is": "standard",
	"m": "standard", "r": "standard", "t": "standard", "z": "standard", "gr": "g", "vt": "g",
}

var familyLetters = regexp.MustCompile(`^[a-z]+`)

// classOf returns the class of an instance type, "" for one without quota of vCPUs.
func classOf(instanceType string) string {
	letters := familyLetters.FindString(instanceType)
	if class, ok := classes[letters]; ok {
		return class
	}
	if _, ok := quotas[letters]; ok {
		return letters
	}
	return ""
}

// judgeQuota warns when the account may not run as many vCPUs more. It is no reason to
// refuse: instances end, and quotas are raised.
func judgeQuota(ctx context.Context, s *site, w *wishes) verdict {
	if len(w.types) != 1 || w.market == infrav1.MarketTypeCapacityBlock || w.tenancy == infrav1.InstanceTenancyHost {
		return verdict{} // these have no quota of vCPUs; which of several types comes is open
	}
	t, class := w.types[0], classOf(w.types[0].value)
	if class == "" {
		return verdict{}
	}
	v := verdict{paths: []string{t.path}}
	spot := w.spot || w.market == infrav1.MarketTypeSpot
	code, what := quotas[class].onDemand, "on-demand "+quotas[class].title
	if spot {
		code, what = quotas[class].spot, "spot "+quotas[class].title
	}
	known, err := s.InstanceTypes(ctx, s.session)
	if err != nil {
		v.err = err
		return v
	}
	quota, err := s.Quota(ctx, s.session, code)
	if err != nil {
		v.err = err
		return v
	}
	instances, err := s.Instances(ctx, s.session)
	if err != nil {
		v.err = err
		return v
	}
	used, wanted := usedVCPUs(instances, known, class, spot), int64(w.replicas)*vcpus(known, t.value)
	if used+wanted > int64(quota) {
		v.warnings = append(v.warnings, fmt.Sprintf("%s: %s needs %d vCPUs, and of the %d that account %s may run in %s as %s instances %d are in use: "+
			"launches fail until some end or the quota is raised (aws service-quotas request-service-quota-increase --service-code ec2 --quota-code %s --desired-value %d)",
			t.path, t.value, wanted, int64(quota), s.session.Scope.Account, s.region(), what, used, code, used+wanted))
	}
	return v
}

// usedVCPUs counts the vCPUs of instances of a class that run or are about to.
func usedVCPUs(instances []*ec2types.Instance, known []*ec2types.InstanceTypeInfo, class string, spot bool) int64 {
	perType, used := map[string]int64{}, int64(0)
	for _, i := range instances {
		name := string(i.InstanceType)
		running := i.State != nil && (i.State.Name == ec2types.InstanceStateNameRunning || i.State.Name == ec2types.InstanceStateNamePending)
		onHost := i.Placement != nil && i.Placement.Tenancy == ec2types.TenancyHost
		if !running || onHost || classOf(name) != class || (i.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot) != spot {
			continue
		}
		if _, ok := perType[name]; !ok {
			perType[name] = vcpus(known, name)
		}
		used += perType[name]
	}
	return used
}

func vcpus(known []*ec2types.InstanceTypeInfo, name string) int64 {
	if t := find(known, name); t != nil && t.VCpuInfo != nil {
		return int64(aws.ToInt32(t.VCpuInfo.DefaultVCpus))
	}
	return 0
}
