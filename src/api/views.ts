/** What the agent tells about the world, in the shapes that terminal, `--json` and dashboard show. Types alone: a command must start fast. */
import type * as z from 'zod'
import type * as schemas from './view-schemas.ts'

export type About = z.output<typeof schemas.About>
export type EnvironmentStatus = z.output<typeof schemas.EnvironmentStatus>
export type ServiceStatus = z.output<typeof schemas.ServiceStatus>
export type ReleaseView = z.output<typeof schemas.ReleaseView>
export type SnapshotView = z.output<typeof schemas.SnapshotView>
export type ForeignView = z.output<typeof schemas.ForeignView>
export type UnreadableView = z.output<typeof schemas.UnreadableView>
export type SecretView = z.output<typeof schemas.SecretView>
export type SecretsView = z.output<typeof schemas.SecretsView>
export type MaskedPiece = z.output<typeof schemas.MaskedPiece>
export type DoctorReport = z.output<typeof schemas.DoctorReport>
export type DoctorItem = z.output<typeof schemas.DoctorItem>
