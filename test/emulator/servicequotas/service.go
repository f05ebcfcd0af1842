// Package servicequotas emulates the part of Service Quotas that tells how many vCPUs an account may run.
package servicequotas

import (
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns Service Quotas as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "servicequotas",
		SigningName: "servicequotas",
		Protocol:    &core.JSON{},
		Operations:  []core.Operation{core.Op(getServiceQuota)},
	}
}

// quota is one of "Amazon EC2 endpoints and quotas"; name is the one in the emulator's configuration.
type quota struct{ name, title string }

// vcpuQuotas are those of EC2's vCPUs. The emulator counts all families of instances together.
var vcpuQuotas = map[string]quota{
	"L-1216C47A": {"vcpus", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"},
	"L-DB2E81BA": {"vcpus", "Running On-Demand G and VT instances"},
	"L-417A185B": {"vcpus", "Running On-Demand P instances"},
	"L-7295265B": {"vcpus", "Running On-Demand X instances"},
	"L-74FC7D96": {"vcpus", "Running On-Demand F instances"},
	"L-1945791B": {"vcpus", "Running On-Demand Inf instances"},
	"L-2C3B7624": {"vcpus", "Running On-Demand Trn instances"},
	"L-34B43A08": {"spotVcpus", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"},
	"L-3819A6DF": {"spotVcpus", "All G and VT Spot Instance Requests"},
	"L-7212CCBC": {"spotVcpus", "All P4, P3 and P2 Spot Instance Requests"},
}

// generousVCPUs is the default of the quotas, as EC2's part has it.
const generousVCPUs = 1_000_000

func getServiceQuota(r *core.Request, in *sdk.GetServiceQuotaInput) (*sdk.GetServiceQuotaOutput, error) {
	switch {
	case core.Val(in.ServiceCode) == "":
		return nil, core.Refuse("IllegalArgumentException", "ServiceCode is required")
	case core.Val(in.QuotaCode) == "":
		return nil, core.Refuse("IllegalArgumentException", "QuotaCode is required")
	}
	q, ok := vcpuQuotas[*in.QuotaCode]
	if !ok || *in.ServiceCode != "ec2" {
		return nil, core.Refuse("NoSuchResourceException", "The request failed because the specified quota %s of %s does not exist.", *in.QuotaCode, *in.ServiceCode)
	}
	return &sdk.GetServiceQuotaOutput{Quota: &types.ServiceQuota{
		ServiceCode: in.ServiceCode, ServiceName: core.Ptr("Amazon Elastic Compute Cloud (Amazon EC2)"), QuotaCode: in.QuotaCode, QuotaName: core.Ptr(q.title),
		QuotaArn: core.Ptr(fmt.Sprintf("arn:aws:servicequotas:%s:%s:ec2/%s", r.Region.Name, r.Account, *in.QuotaCode)),
		Value:    core.Ptr(float64(r.Config.Quota(q.name, generousVCPUs))), Unit: core.Ptr("None"), Adjustable: true, GlobalQuota: false,
	}}, nil
}
