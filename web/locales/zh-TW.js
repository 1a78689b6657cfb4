// What the server says in Traditional Chinese, by English template: see en.js. Characters that not every Windows console reads
// are written as escapes.

export default {
  "1 run sampled.":
    '\u5df2\u53d6\u6a23 1 \u6b21\u3002',
  "A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.":
    '\u6b63\u5728\u9304\u88fd CUDA graph\uff0c\u800c Triton \u6838\u5fc3\u5c1a\u672a\u5728\u6b64 GPU \u4e0a\u8a66\u57f7\u884c\u904e\u3002',
  "A calibration must have costs.":
    '\u6821\u6e96\u8cc7\u6599\u5fc5\u9808\u542b\u6709\u8a08\u7b97\u91cf\u3002',
  "A calibration's costs must be those of its layers and ways.":
    '\u6821\u6e96\u8cc7\u6599\u4e2d\u7684\u8a08\u7b97\u91cf\u5fc5\u9808\u5c0d\u61c9\u5176\u5c64\u548c\u8a08\u7b97\u65b9\u5f0f\u3002',
  "A calibration's forecasts must be of its noise levels.":
    '\u6821\u6e96\u8cc7\u6599\u4e2d\u7684\u9810\u6e2c\u5fc5\u9808\u5c0d\u61c9\u5176\u96dc\u8a0a\u6c34\u5e73\u3002',
  "A calibration's layers must be sites.":
    '\u6821\u6e96\u8cc7\u6599\u4e2d\u7684\u5c64\u5fc5\u9808\u662f\u6ce8\u610f\u529b\u5c64\u3002',
  "A calibration's milliseconds must be in milliseconds.":
    '\u6821\u6e96\u8cc7\u6599\u4e2d\u7684\u8017\u6642\u5fc5\u9808\u4ee5\u6beb\u79d2\u70ba\u55ae\u4f4d\u3002',
  "A level of the plan does not have the layers and heads of the plan's model.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u500b\u7b49\u7d1a\u8207\u65b9\u6848\u6a21\u578b\u7684\u5c64\u548c\u6ce8\u610f\u529b\u982d\u4e0d\u7b26\u3002',
  "A path of the plan uses a way that the plan does not define.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u689d\u8def\u5f91\u4f7f\u7528\u4e86\u65b9\u6848\u672a\u5b9a\u7fa9\u7684\u8a08\u7b97\u65b9\u5f0f\u3002',
  "A path of the plan uses residuals of two ways after one full noise level.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u689d\u8def\u5f91\u5728\u540c\u4e00\u500b\u5b8c\u6574\u8a08\u7b97\u7684\u96dc\u8a0a\u6c34\u5e73\u4e4b\u5f8c\u4f7f\u7528\u4e86\u5169\u7a2e\u65b9\u5f0f\u7684\u6b98\u5dee\u3002',
  "A picture is not finite (NaN or infinite): see whether it is without a plan, too.":
    '\u5716\u50cf\u4e2d\u6709\u975e\u6709\u9650\u503c\uff08NaN \u6216\u7121\u7aae\u5927\uff09\uff1a\u8acb\u6aa2\u67e5\u4e0d\u4f7f\u7528\u65b9\u6848\u6642\u662f\u5426\u4e5f\u662f\u5982\u6b64\u3002',
  "A plan must be given as text.":
    '\u65b9\u6848\u5fc5\u9808\u4ee5\u6587\u5b57\u5f62\u5f0f\u7d66\u51fa\u3002',
  "A run of one step is too short to be measured: it takes {least} or more.":
    '\u57f7\u884c\u6b65\u6578\u592a\u5c11\uff0c\u7121\u6cd5\u6e2c\u91cf\uff1a\u81f3\u5c11\u9700\u8981 {least} \u6b65\u3002',
  "A text of letters and numbers in the plan is damaged.":
    '\u65b9\u6848\u4e2d\u4e00\u6bb5\u7531\u5b57\u6bcd\u548c\u6578\u5b57\u7d44\u6210\u7684\u6587\u5b57\u5df2\u640d\u58de\u3002',
  "A way of the plan has more than {most} parameters.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u7a2e\u8a08\u7b97\u65b9\u5f0f\u6709\u8d85\u904e {most} \u500b\u53c3\u6578\u3002',
  "A way of the plan has one parameter twice.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u7a2e\u8a08\u7b97\u65b9\u5f0f\u6709\u91cd\u8907\u7684\u53c3\u6578\u3002',
  "A way's parameter must not be called {reserved}.":
    '\u8a08\u7b97\u65b9\u5f0f\u7684\u53c3\u6578\u4e0d\u80fd\u547d\u540d\u70ba {reserved}\u3002',
  "Another node answered {missed} of {expected} attention calls, so that it is not known what was saved and how much the picture changed.":
    '\u53e6\u4e00\u500b\u7bc0\u9ede\u8655\u7406\u4e86 {expected} \u6b21\u6ce8\u610f\u529b\u547c\u53eb\u4e2d\u7684 {missed} \u6b21\uff0c\u56e0\u6b64\u4e0d\u77e5\u9053\u7bc0\u7701\u4e86\u591a\u5c11\uff0c\u4e5f\u4e0d\u77e5\u9053\u5f71\u50cf\u6539\u8b8a\u4e86\u591a\u5c11\u3002',
  "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is which: what it evaluates was computed in full.":
    '\u53e6\u4e00\u500b\u7bc0\u9ede\u5728\u6f5b\u7a7a\u9593\u9001\u5165\u6a21\u578b\u7684\u9014\u4e2d\u5c07\u5176\u5207\u584a\u6216\u79fb\u52d5\uff08\u5206\u584a\uff09\uff0c\u56e0\u6b64\u7121\u6cd5\u77e5\u9053\u54ea\u88e1\u662f\u54ea\u88e1\uff1a\u5b83\u6240\u8a08\u7b97\u7684\u90e8\u5206\u4ee5\u5b8c\u6574\u65b9\u5f0f\u8a08\u7b97\u3002',
  "Another node has put functions of its own in the place of {count} of {all} attention layers, which ran in full: put DiTFastAttn's node behind it.":
    '\u53e6\u4e00\u500b\u7bc0\u9ede\u628a\u81ea\u5df1\u7684\u51fd\u5f0f\u653e\u5230\u4e86 {all} \u500b\u6ce8\u610f\u529b\u5c64\u4e2d\u7684 {count} \u500b\u7684\u4f4d\u7f6e\u4e0a\uff0c\u9019\u4e9b\u5c64\u4ee5\u5b8c\u6574\u65b9\u5f0f\u57f7\u884c\uff1a\u8acb\u628a DiTFastAttn \u7684\u7bc0\u9ede\u653e\u5728\u5b83\u5f8c\u9762\u3002',
  "Apply Compression Plan has no plan and must not make one: set calibrate to 'when needed', connect DiTFastAttn Calibrate, or paste a plan into the node.":
    '\u300c\u5957\u7528\u58d3\u7e2e\u65b9\u6848\u300d\u6c92\u6709\u65b9\u6848\uff0c\u4e5f\u4e0d\u5141\u8a31\u751f\u6210\uff1a\u8acb\u5c07\u300c\u6821\u6e96\u300d\u8a2d\u70ba when needed\uff0c\u9023\u63a5\u300cDiTFastAttn \u6821\u6e96\u300d\uff0c\u6216\u5728\u7bc0\u9ede\u4e2d\u8cbc\u4e0a\u65b9\u6848\u3002',
  "As predicted.":
    '\u8207\u9810\u6e2c\u76f8\u7b26\u3002',
  "Attention is {part} of the work at this size, and leaving out steps costs more than it brings.":
    '\u5728\u6b64\u5c3a\u5bf8\u4e0b\u6ce8\u610f\u529b\u4f54\u8a08\u7b97\u91cf\u7684 {part}\uff0c\u800c\u7701\u7565\u6b65\u9a5f\u7684\u4ee3\u50f9\u5927\u65bc\u6536\u76ca\u3002',
  "Calibrated at CFG {measured}, sampled at CFG {sampled}.":
    '\u6821\u6e96\u6642 CFG \u70ba {measured}\uff0c\u53d6\u6a23\u6642\u70ba {sampled}\u3002',
  "Calibrated at {measured} tokens, sampled at {sampled}.":
    '\u6821\u6e96\u6642\u70ba {measured} \u500b token\uff0c\u53d6\u6a23\u6642\u70ba {sampled} \u500b\u3002',
  "Calibrated on another part of the noise schedule: set calibrate to 'again' to measure this one.":
    '\u6821\u6e96\u7684\u662f\u96dc\u8a0a\u6392\u7a0b\u7684\u53e6\u4e00\u90e8\u5206\uff1a\u5c07\u300c\u6821\u6e96\u300d\u8a2d\u70ba again \u53ef\u6e2c\u91cf\u9019\u4e00\u90e8\u5206\u3002',
  "Calibrated with {measured} steps, sampled with {sampled}.":
    '\u6821\u6e96\u6642\u70ba {measured} \u6b65\uff0c\u53d6\u6a23\u6642\u70ba {sampled} \u6b65\u3002',
  "Calibrated with {measured}, sampled with {sampled}.":
    '\u6821\u6e96\u6642\u4f7f\u7528 {measured}\uff0c\u53d6\u6a23\u6642\u4f7f\u7528 {sampled}\u3002',
  "Costs must be in {units}.":
    '\u8a08\u7b97\u91cf\u7684\u55ae\u4f4d\u5fc5\u9808\u662f {units}\u3002',
  "DiT draws classes and no text: connect ImageNet Class to the sampler.":
    'DiT \u6309\u985e\u5225\u800c\u4e0d\u662f\u6309\u6587\u5b57\u4f5c\u756b\uff1a\u8acb\u628a\u300cImageNet \u985e\u5225\u300d\u63a5\u5230\u53d6\u6a23\u5668\u3002',
  "Each path of the plan must begin with full attention.":
    '\u65b9\u6848\u7684\u6bcf\u689d\u8def\u5f91\u90fd\u5fc5\u9808\u4ee5\u5b8c\u6574\u6ce8\u610f\u529b\u958b\u59cb\u3002',
  "Each path of the plan must have {rows} letters, one for each noise level.":
    '\u65b9\u6848\u7684\u6bcf\u689d\u8def\u5f91\u5fc5\u9808\u6709 {rows} \u500b\u5b57\u6bcd\uff0c\u6bcf\u500b\u96dc\u8a0a\u6c34\u5e73\u4e00\u500b\u3002',
  "Each text of letters and numbers in the plan must cover {rows} noise levels.":
    '\u65b9\u6848\u4e2d\u6bcf\u6bb5\u7531\u5b57\u6bcd\u548c\u6578\u5b57\u7d44\u6210\u7684\u6587\u5b57\u5fc5\u9808\u8986\u84cb {rows} \u500b\u96dc\u8a0a\u6c34\u5e73\u3002',
  "For a larger picture, set calibrate to 'again'.":
    '\u82e5\u8981\u7528\u65bc\u66f4\u5927\u7684\u5716\u50cf\uff0c\u8acb\u5c07\u300c\u6821\u6e96\u300d\u8a2d\u70ba again\u3002',
  "From a run with full attention of {steps} steps in this session.":
    '\u4f9d\u64da\u672c\u6b21\u6703\u8a71\u4e2d\u4e00\u6b21 {steps} \u6b65\u7684\u5b8c\u6574\u6ce8\u610f\u529b\u57f7\u884c\u3002',
  "From {count} of this run's steps that were computed in full.":
    '\u4f9d\u64da\u672c\u6b21\u57f7\u884c\u4e2d\u5b8c\u6574\u8a08\u7b97\u7684 {count} \u6b65\u3002',
  "Give either an error to stay below or a fraction of attention to keep.":
    '\u8acb\u7d66\u51fa\u8aa4\u5dee\u4e0a\u9650\u6216\u8981\u4fdd\u7559\u7684\u6ce8\u610f\u529b\u6bd4\u4f8b\uff0c\u4e8c\u8005\u9078\u4e00\u3002',
  "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.":
    '\u9375\u6709 {keys} \u500b\u982d\uff0c\u67e5\u8a62\u6709 {heads} \u500b\u982d\uff1bTriton \u6838\u5fc3\u4e0d\u652f\u63f4\u5206\u7d44\u67e5\u8a62\u6ce8\u610f\u529b\u3002',
  "Level {level} computes heads at a noise level at which the model is not evaluated.":
    '\u7b49\u7d1a {level} \u5728\u4e0d\u57f7\u884c\u6a21\u578b\u7684\u96dc\u8a0a\u6c34\u5e73\u4e0a\u8a08\u7b97\u6ce8\u610f\u529b\u982d\u3002',
  "Level {level} does not have the layers and heads of the plan's model.":
    '\u7b49\u7d1a {level} \u8207\u65b9\u6848\u6a21\u578b\u7684\u5c64\u548c\u6ce8\u610f\u529b\u982d\u4e0d\u7b26\u3002',
  "Level {level} must say of every noise level whether the branches share.":
    '\u7b49\u7d1a {level} \u5fc5\u9808\u8aaa\u660e\u6bcf\u500b\u96dc\u8a0a\u6c34\u5e73\u4e0a\u5169\u500b\u5206\u652f\u662f\u5426\u5171\u4eab\u3002',
  "Level {level} must say of every noise level whether the model is evaluated.":
    '\u7b49\u7d1a {level} \u5fc5\u9808\u8aaa\u660e\u6bcf\u500b\u96dc\u8a0a\u6c34\u5e73\u4e0a\u662f\u5426\u57f7\u884c\u6a21\u578b\u3002',
  "Measured in this session, in a run like this one.":
    '\u5728\u672c\u6b21\u6703\u8a71\u4e2d\u4e00\u6b21\u76f8\u540c\u7684\u57f7\u884c\u88e1\u6e2c\u5f97\u3002',
  "Memory ran out while caching, so the rest of the run was computed in full.":
    '\u5feb\u53d6\u6642\u8a18\u61b6\u9ad4\u4e0d\u8db3\uff0c\u56e0\u6b64\u57f7\u884c\u7684\u5176\u9918\u90e8\u5206\u5b8c\u6574\u8a08\u7b97\u3002',
  "Memory ran out, so the caches were dropped and the rest of the run was computed in full.":
    '\u8a18\u61b6\u9ad4\u4e0d\u8db3\uff0c\u56e0\u6b64\u5df2\u91cb\u653e\u5feb\u53d6\uff0c\u57f7\u884c\u7684\u5176\u9918\u90e8\u5206\u5b8c\u6574\u8a08\u7b97\u3002',
  "No attention call of the model reached the plan, so that nothing was saved.":
    '\u6a21\u578b\u7684\u6ce8\u610f\u529b\u547c\u53eb\u6c92\u6709\u4e00\u6b21\u5230\u9054\u65b9\u6848\uff0c\u56e0\u6b64\u6c92\u6709\u7bc0\u7701\u4efb\u4f55\u8a08\u7b97\u3002',
  "No attention call of the run can be compressed, since {reason}: nothing was measured.":
    '\u672c\u6b21\u57f7\u884c\u6c92\u6709\u53ef\u58d3\u7e2e\u7684\u6ce8\u610f\u529b\u8a08\u7b97\uff0c\u539f\u56e0\uff1a{reason}\u3002\u6c92\u6709\u6e2c\u91cf\u3002',
  "No attention was found in this model, so the run was made with full attention.":
    '\u6b64\u6a21\u578b\u4e2d\u627e\u4e0d\u5230\u6ce8\u610f\u529b\uff0c\u56e0\u6b64\u672c\u6b21\u57f7\u884c\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "No compression plan is applied to this model: connect the model that Apply Compression Plan puts out.":
    '\u6b64\u6a21\u578b\u6c92\u6709\u5957\u7528\u58d3\u7e2e\u65b9\u6848\uff1a\u8acb\u9023\u63a5\u300c\u5957\u7528\u58d3\u7e2e\u65b9\u6848\u300d\u8f38\u51fa\u7684\u6a21\u578b\u3002',
  "No milliseconds were measured with this calibration: calibrate again.":
    '\u6b64\u6821\u6e96\u6c92\u6709\u6e2c\u91cf\u6beb\u79d2\uff1a\u8acb\u91cd\u65b0\u6821\u6e96\u3002',
  "Nothing of the layer, or not all that is computed of it, is planned in INT8.":
    '\u8a72\u5c64\u6c92\u6709\u4efb\u4f55\u90e8\u5206\uff0c\u6216\u4e26\u975e\u5176\u6240\u8a08\u7b97\u7684\u5168\u90e8\uff0c\u6309\u65b9\u6848\u4ee5 INT8 \u8a08\u7b97\u3002',
  "Nothing to compare: this model follows no plan. Put Apply Compression Plan between the model and this node, with a level other than off.":
    '\u6c92\u6709\u53ef\u6bd4\u8f03\u7684\uff1a\u6b64\u6a21\u578b\u6c92\u6709\u65b9\u6848\u3002\u8acb\u5c07\u300c\u5957\u7528\u58d3\u7e2e\u65b9\u6848\u300d\u653e\u5728\u6a21\u578b\u8207\u672c\u7bc0\u9ede\u4e4b\u9593\uff0c\u7b49\u7d1a\u4e0d\u8a2d\u70ba off\u3002',
  "Nothing to compare: this run followed no plan, and Apply Compression Plan says why.":
    '\u6c92\u6709\u53ef\u6bd4\u8f03\u7684\uff1a\u672c\u6b21\u57f7\u884c\u6c92\u6709\u6309\u65b9\u6848\u9032\u884c\uff0c\u539f\u56e0\u898b\u300c\u5957\u7528\u58d3\u7e2e\u65b9\u6848\u300d\u3002',
  "Nothing to compare: {why}":
    '\u6c92\u6709\u53ef\u6bd4\u8f03\u7684\uff1a{why}',
  "Nothing to save.":
    '\u6c92\u6709\u53ef\u7bc0\u7701\u7684\u3002',
  "Nothing was measured again: {why}. {remedy}":
    '\u6c92\u6709\u91cd\u65b0\u6e2c\u91cf\uff1a{why}\u3002{remedy}',
  "Nothing was measured: {why}.":
    '\u6c92\u6709\u6e2c\u5f97\u4efb\u4f55\u7d50\u679c\uff1a{why}\u3002',
  "Off: full attention at every step.":
    '\u95dc\u9589\uff1a\u6bcf\u4e00\u6b65\u90fd\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "On a GeForce GPU from RTX 30 on, level {level} would compute {part} of the heads that it computes in INT8 and take {there} of full attention's work instead of {here}.":
    '\u5728 RTX 30 \u53ca\u66f4\u65b0\u7684 GeForce GPU \u4e0a\uff0c\u7b49\u7d1a {level} \u6703\u4ee5 INT8 \u8a08\u7b97\u5176\u6240\u8a08\u7b97\u7684\u982d\u4e2d\u7684 {part}\uff0c\u8a08\u7b97\u91cf\u70ba\u5b8c\u6574\u6ce8\u610f\u529b\u7684 {there}\uff0c\u800c\u975e {here}\u3002',
  "One step fewer of {steps} would save {saved}.":
    '\u5728 {steps} \u6b65\u4e2d\u5c11\u53d6\u6a23\u4e00\u6b65\u53ef\u7bc0\u7701 {saved}\u3002',
  "Open-Sora needs a prompt of T5-XXL (CLIPLoader, type pixart), through Open-Sora Conditioning.":
    'Open-Sora \u9700\u8981\u7528 T5-XXL \u7de8\u78bc\u7684\u63d0\u793a\u8a5e\uff08CLIPLoader\uff0c\u985e\u578b\u70ba pixart\uff09\uff0c\u4e26\u7d93\u904e\u300cOpen-Sora \u689d\u4ef6\u300d\u3002',
  "Outside the part of the noise schedule that the plan was measured on, attention runs in full: {outside} of {steps} steps.":
    '\u5728\u65b9\u6848\u6240\u6e2c\u91cf\u7684\u96dc\u8a0a\u6392\u7a0b\u90e8\u5206\u4e4b\u5916\uff0c\u6ce8\u610f\u529b\u5b8c\u6574\u8a08\u7b97\uff1a{steps} \u6b65\u4e2d\u7684 {outside} \u6b65\u3002',
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed, predicted error {error}.":
    '\u6b63\u5728\u4f7f\u7528\u65b9\u6848 {id}\uff1a{level}\uff0c\u8a08\u7b97\u6ce8\u610f\u529b\u7684 {attention}\u3001\u7e3d\u8a08\u7b97\u91cf\u7684 {model}\uff0c\u9810\u6e2c\u8aa4\u5dee {error}\u3002',
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed; no error is predicted for a run like this one.":
    '\u65b9\u6848 {id} \u4f7f\u7528\u4e2d\uff1a{level}\uff0c\u8a08\u7b97\u4e86 {attention} \u7684\u6ce8\u610f\u529b\u548c {model} \u7684\u5168\u90e8\u5de5\u4f5c\uff1b\u5c0d\u9019\u6a23\u7684\u57f7\u884c\u4e0d\u9810\u6e2c\u8aa4\u5dee\u3002',
  "Plan {id} in use: {level}; it is not known what it saved.":
    '\u65b9\u6848 {id} \u4f7f\u7528\u4e2d\uff1a{level}\uff1b\u4e0d\u77e5\u9053\u5b83\u7bc0\u7701\u4e86\u591a\u5c11\u3002',
  "Plan {id} made in this run. From now on {level}: {attention} of attention and {model} of all work computed, predicted error {error}.":
    '\u672c\u6b21\u57f7\u884c\u7522\u751f\u4e86\u65b9\u6848 {id}\u3002\u4eca\u5f8c\u4f7f\u7528 {level}\uff1a\u8a08\u7b97\u6ce8\u610f\u529b\u7684 {attention}\u3001\u7e3d\u8a08\u7b97\u91cf\u7684 {model}\uff0c\u9810\u6e2c\u8aa4\u5dee {error}\u3002',
  "Queries, keys and values differ in shape, and the Triton kernel serves self-attention.":
    '\u67e5\u8a62\u3001\u9375\u548c\u503c\u7684\u5f62\u72c0\u4e0d\u540c\uff0c\u800c Triton \u6838\u5fc3\u7528\u65bc\u81ea\u6ce8\u610f\u529b\u3002',
  "Runs could not be measured ({why}), and are no longer watched. {remedy}":
    '\u7121\u6cd5\u6e2c\u91cf\u57f7\u884c\uff08{why}\uff09\uff0c\u56e0\u6b64\u4e0d\u518d\u89c0\u5bdf\u3002{remedy}',
  "Sharing cannot save more than all of a layer's attention.":
    '\u5171\u4eab\u6240\u7701\u4e0d\u80fd\u8d85\u904e\u4e00\u5c64\u7684\u5168\u90e8\u6ce8\u610f\u529b\u3002',
  "Solved in {time}, at most {gap} of the work from the best possible plan.":
    '\u6c42\u89e3\u7528\u6642 {time}\uff0c\u8207\u6700\u4f73\u65b9\u6848\u76f8\u5dee\u81f3\u591a {gap} \u7684\u8a08\u7b97\u91cf\u3002',
  "That is the work of {count} of {steps} steps.":
    '\u9019\u76f8\u7576\u65bc {steps} \u6b65\u4e2d {count} \u6b65\u7684\u8a08\u7b97\u91cf\u3002',
  "The CFG is not a finite number ({cfg}): set it to another.":
    'CFG \u4e0d\u662f\u6709\u9650\u6578\uff08{cfg}\uff09\uff1a\u8acb\u6539\u70ba\u5176\u4ed6\u503c\u3002',
  "The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0.":
    'GPU \u7684\u8a08\u7b97\u80fd\u529b\u70ba {major}.{minor}\uff0c\u800c Triton \u6838\u5fc3\u9700\u8981 8.0\u3002',
  "The Hopper kernel has no bands; the pointer kernel has.":
    'Hopper \u6838\u5fc3\u6c92\u6709\u689d\u5e36\uff1bpointer \u6838\u5fc3\u6709\u3002',
  "The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel.":
    'Hopper \u6838\u5fc3\u5df2\u95dc\u9589\uff0c\u6216\u5728\u6b64 GPU \u4e0a\u7684\u8a66\u57f7\u884c\u9078\u64c7\u4e86 pointer \u6838\u5fc3\u3002',
  "The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.":
    'Hopper \u6838\u5fc3\u7121\u6cd5\u8b80\u53d6\u6ce8\u610f\u529b\u982d\u6216\u6279\u6b21\u9805\u5728\u8a18\u61b6\u9ad4\u4e2d\u91cd\u8907\u7684\u5f35\u91cf\u3002',
  "The Hopper kernel runs on GPUs of compute capability 9.0 only.":
    'Hopper \u6838\u5fc3\u53ea\u80fd\u5728\u904b\u7b97\u80fd\u529b\u70ba 9.0 \u7684 GPU \u4e0a\u57f7\u884c\u3002',
  "The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12.":
    'INT8 \u6838\u5fc3\u9069\u7528\u65bc\u8a08\u7b97\u80fd\u529b\u70ba 8.0\u30018.6\u30018.9 \u548c 12 \u7684 NVIDIA GPU\u3002',
  "The INT8 kernel is switched off.":
    'INT8 \u6838\u5fc3\u5df2\u95dc\u9589\u3002',
  "The INT8 kernel was tried on this GPU and differs by {difference} % from the 16-bit kernel, more than {allowed} %.":
    'INT8 \u6838\u5fc3\u5df2\u5728\u6b64 GPU \u4e0a\u8a66\u57f7\u884c\uff0c\u8207 16 \u4f4d\u5143\u6838\u5fc3\u76f8\u5dee {difference} %\uff0c\u8d85\u904e {allowed} %\u3002',
  "The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {fused} ms against {usual} ms.":
    'INT8 \u6838\u5fc3\u5df2\u5728\u6b64 GPU \u4e0a\u8a66\u57f7\u884c\uff0c\u4e26\u4e0d\u6bd4 16 \u4f4d\u5143\u6838\u5fc3\u5feb\uff1a{fused} \u6beb\u79d2\u5c0d {usual} \u6beb\u79d2\u3002',
  "The Triton kernel computes in float16 and bfloat16, not in {dtype}.":
    'Triton \u6838\u5fc3\u4ee5 float16 \u548c bfloat16 \u8a08\u7b97\uff0c\u4e0d\u652f\u63f4 {dtype}\u3002',
  "The Triton kernel computes no head by {way}.":
    'Triton \u6838\u5fc3\u4e0d\u652f\u63f4\u6309\u300c{way}\u300d\u8a08\u7b97\u6ce8\u610f\u529b\u982d\u3002',
  "The Triton kernel failed its trial on this GPU: {kind}: {error}.":
    'Triton \u6838\u5fc3\u5728\u6b64 GPU \u4e0a\u7684\u8a66\u57f7\u884c\u5931\u6557\uff1a{kind}: {error}\u3002',
  "The Triton kernel has windows over one grid, and reference pictures have grids of their own.":
    'Triton \u6838\u5fc3\u7684\u8996\u7a97\u53ea\u652f\u63f4\u55ae\u4e00\u7db2\u683c\uff0c\u800c\u53c3\u8003\u5f71\u50cf\u6709\u5404\u81ea\u7684\u7db2\u683c\u3002',
  "The Triton kernel is switched off by {switch}=0.":
    'Triton \u6838\u5fc3\u5df2\u7531 {switch}=0 \u95dc\u9589\u3002',
  "The Triton kernel needs a positive scale, not {scale}.":
    'Triton \u6838\u5fc3\u9700\u8981\u6b63\u7684\u7e2e\u653e\u4fc2\u6578\uff0c\u800c\u4e0d\u662f {scale}\u3002',
  "The Triton kernel runs on CUDA and ROCm devices, not on {device}.":
    'Triton \u6838\u5fc3\u5728 CUDA \u548c ROCm \u88dd\u7f6e\u4e0a\u57f7\u884c\uff0c\u4e0d\u652f\u63f4 {device}\u3002',
  "The Triton kernel takes queries, keys and values of four axes.":
    'Triton \u6838\u5fc3\u63a5\u53d7\u56db\u500b\u8ef8\u7684\u67e5\u8a62\u3001\u9375\u548c\u503c\u3002',
  "The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete {file} to try it again.":
    'Triton \u6838\u5fc3\u5728\u6b64 GPU \u4e0a\u8a66\u57f7\u884c\u6642\u66fe\u4f7f ComfyUI \u6216\u9a45\u52d5\u7a0b\u5f0f\u7576\u6389\uff0c\u56e0\u6b64\u4e0d\u518d\u4f7f\u7528\uff1b\u522a\u9664 {file} \u53ef\u518d\u6b21\u5617\u8a66\u3002',
  "The Triton kernel takes windows or bands in one layer, not both.":
    'Triton \u6838\u5fc3\u5728\u4e00\u5c64\u4e2d\u53ea\u63a5\u53d7\u8996\u7a97\u6216\u689d\u5e36\uff0c\u4e0d\u80fd\u5169\u8005\u4e26\u7528\u3002',
  "The Triton kernel was tried on this GPU and differs by {difference} % from the tiled path, more than {allowed} %.":
    'Triton \u6838\u5fc3\u5df2\u5728\u6b64 GPU \u4e0a\u8a66\u57f7\u884c\uff0c\u8207\u5206\u584a\u8def\u5f91\u76f8\u5dee {difference} %\uff0c\u8d85\u904e {allowed} %\u3002',
  "The Triton kernel was tried on this GPU and is no faster than the tiled path: {fused} ms against {tiled} ms.":
    'Triton \u6838\u5fc3\u5df2\u5728\u6b64 GPU \u4e0a\u8a66\u57f7\u884c\uff0c\u4e26\u4e0d\u6bd4\u5206\u584a\u8def\u5f91\u5feb\uff1a{fused} \u6beb\u79d2\u5c0d {tiled} \u6beb\u79d2\u3002',
  "The Triton kernel's list of key blocks for {tokens} tokens would be too large.":
    '\u5c0d\u65bc {tokens} \u500b token\uff0cTriton \u6838\u5fc3\u7684\u9375\u584a\u6e05\u55ae\u6703\u904e\u5927\u3002',
  "The cache budget was reached, so some heads were computed again instead of reused; raise the budget of Apply Compression Plan or choose a milder level.":
    '\u5df2\u9054\u5230\u5feb\u53d6\u4e0a\u9650\uff0c\u56e0\u6b64\u90e8\u5206\u6ce8\u610f\u529b\u982d\u91cd\u65b0\u8a08\u7b97\u800c\u672a\u91cd\u7528\uff1a\u8acb\u63d0\u9ad8\u300c\u5957\u7528\u58d3\u7e2e\u65b9\u6848\u300d\u7684\u5feb\u53d6\u4e0a\u9650\uff0c\u6216\u9078\u64c7\u66f4\u6eab\u548c\u7684\u7b49\u7d1a\u3002',
  "The calibration does not have the layers of the connected model: calibrate again.":
    '\u6821\u6e96\u8cc7\u6599\u8207\u6240\u9023\u63a5\u6a21\u578b\u7684\u5c64\u4e0d\u7b26\uff1a\u8acb\u91cd\u65b0\u6821\u6e96\u3002',
  "The calibration runs do not belong together: their noise levels differ.":
    '\u5404\u6b21\u6821\u6e96\u57f7\u884c\u4e92\u4e0d\u76f8\u7b26\uff1a\u96dc\u8a0a\u6c34\u5e73\u4e0d\u540c\u3002',
  "The calibration runs do not belong together: their steps, layers or ways differ.":
    '\u5404\u6b21\u6821\u6e96\u57f7\u884c\u4e92\u4e0d\u76f8\u7b26\uff1a\u6b65\u6578\u3001\u5c64\u6216\u8a08\u7b97\u65b9\u5f0f\u4e0d\u540c\u3002',
  "The calibration's inner products of evaluations must be finite, one for each two noise levels.":
    '\u6821\u6e96\u8cc7\u6599\u4e2d\u5404\u6b21\u8a08\u7b97\u7684\u5167\u7a4d\u5fc5\u9808\u662f\u6709\u9650\u6578\uff0c\u6bcf\u5169\u500b\u96dc\u8a0a\u6c34\u5e73\u4e00\u500b\u3002',
  "The calibration's noise levels must descend.":
    '\u6821\u6e96\u8cc7\u6599\u4e2d\u7684\u96dc\u8a0a\u6c34\u5e73\u5fc5\u9808\u905e\u6e1b\u3002',
  "The calibration's {what} has shape {found}, expected {expected}.":
    '\u6821\u6e96\u8cc7\u6599\u7684 {what} \u5f62\u72c0\u70ba {found}\uff0c\u61c9\u70ba {expected}\u3002',
  "The calibration's {what} must be finite.":
    '\u6821\u6e96\u8cc7\u6599\u7684 {what} \u5fc5\u9808\u662f\u6709\u9650\u6578\u3002',
  "The calibration's {what} must not be negative.":
    '\u6821\u6e96\u8cc7\u6599\u7684 {what} \u4e0d\u80fd\u70ba\u8ca0\u3002',
  "The error to stay below, or the fraction of attention to keep, must not be negative.":
    '\u8aa4\u5dee\u4e0a\u9650\u6216\u8981\u4fdd\u7559\u7684\u6ce8\u610f\u529b\u6bd4\u4f8b\u4e0d\u80fd\u70ba\u8ca0\u3002',
  "The fused kernels need rows of neighbouring elements that start on 16 bytes.":
    '\u878d\u5408\u6838\u5fc3\u8981\u6c42\u6bcf\u5217\u5143\u7d20\u9023\u7e8c\u4e14\u8d77\u59cb\u4f4d\u5740\u4ee5 16 \u4f4d\u5143\u7d44\u5c0d\u9f4a\u3002',
  "The gain of reuse must be finite and above 0.":
    '\u91cd\u7528\u7684\u6536\u76ca\u5fc5\u9808\u662f\u5927\u65bc 0 \u7684\u6709\u9650\u6578\u3002',
  "The guard could not check a layer ({error}) and was off from then on.":
    '\u5b88\u8b77\u7121\u6cd5\u6aa2\u67e5\u67d0\u4e00\u5c64\uff08{error}\uff09\uff0c\u6b64\u5f8c\u5df2\u95dc\u9589\u3002',
  "The guard was off: this plan does not say what error it expects of each layer. Calibrate again.":
    '\u5b88\u8b77\u672a\u555f\u7528\uff1a\u6b64\u65b9\u6848\u6c92\u6709\u8aaa\u660e\u5404\u5c64\u7684\u9810\u671f\u8aa4\u5dee\u3002\u8acb\u91cd\u65b0\u6821\u6e96\u3002',
  "The guider combines its branches in a way of its own, so none serves another.":
    '\u5f15\u5c0e\u5668\u4ee5\u81ea\u5df1\u7684\u65b9\u5f0f\u5408\u4f75\u5404\u5206\u652f\uff0c\u56e0\u6b64\u5206\u652f\u4e4b\u9593\u4e0d\u5171\u4eab\u7d50\u679c\u3002',
  "The guider runs a second model, which is computed in full and takes no part in the plan.":
    '\u5f15\u5c0e\u5668\u9084\u57f7\u884c\u7b2c\u4e8c\u500b\u6a21\u578b\uff0c\u5b83\u5b8c\u6574\u8a08\u7b97\uff0c\u4e0d\u53c3\u8207\u65b9\u6848\u3002',
  "The head size is {size}, and the Triton kernel has {sizes}.":
    '\u6ce8\u610f\u529b\u982d\u7684\u5927\u5c0f\u70ba {size}\uff0c\u800c Triton \u6838\u5fc3\u652f\u63f4 {sizes}\u3002',
  "The level 'custom' has one budget: set keep_work or keep_attention to 0.":
    '\u7b49\u7d1a custom \u53ea\u6709\u4e00\u500b\u9810\u7b97\uff1a\u8acb\u5c07 keep_work \u6216 keep_attention \u8a2d\u70ba 0\u3002',
  "The level 'custom' is a budget that DiTFastAttn Calibrate plans for: connect one with keep_work or keep_attention set, or choose one of the other levels.":
    '\u7b49\u7d1a custom \u662f\u7531\u300cDiTFastAttn \u6821\u6e96\u300d\u898f\u5283\u7684\u9810\u7b97\uff1a\u8acb\u9023\u63a5\u4e00\u500b\u8a2d\u5b9a\u4e86 keep_work \u6216 keep_attention \u7684\u7bc0\u9ede\uff0c\u6216\u9078\u64c7\u5176\u4ed6\u7b49\u7d1a\u3002',
  "The linked measurements do not belong together with this node's, they differ in {names}: give all Calibrate nodes of a chain the same model, size and sampler settings.":
    '\u6240\u9023\u63a5\u7684\u6e2c\u91cf\u8cc7\u6599\u8207\u672c\u7bc0\u9ede\u7684\u4e0d\u76f8\u7b26\uff0c\u5dee\u7570\u5728\u65bc {names}\uff1a\u8acb\u70ba\u540c\u4e00\u4e32\u4e2d\u7684\u6240\u6709\u6821\u6e96\u7bc0\u9ede\u8a2d\u5b9a\u76f8\u540c\u7684\u6a21\u578b\u3001\u5c3a\u5bf8\u548c\u53d6\u6a23\u8a2d\u5b9a\u3002',
  "The linked measurements hold no milliseconds: set price to milliseconds in all Calibrate nodes of a chain.":
    '\u6240\u9023\u63a5\u7684\u6e2c\u91cf\u8cc7\u6599\u4e0d\u542b\u6beb\u79d2\uff1a\u8acb\u5c07\u540c\u4e00\u4e32\u4e2d\u6240\u6709\u6821\u6e96\u7bc0\u9ede\u7684\u300c\u8a08\u50f9\u300d\u8a2d\u70ba milliseconds\u3002',
  "The model has not been sampled yet: connect the latent of the sampler.":
    '\u6a21\u578b\u5c1a\u672a\u53d6\u6a23\uff1a\u8acb\u9023\u63a5\u53d6\u6a23\u5668\u7684 Latent\u3002',
  "The model is split over several GPUs, so attention ran in full.":
    '\u6a21\u578b\u5206\u4f48\u5728\u591a\u500b GPU \u4e0a\uff0c\u56e0\u6b64\u6ce8\u610f\u529b\u5b8c\u6574\u8a08\u7b97\u3002',
  "The model's output was not finite (NaN or infinite) at step {step} of {steps}, so there is nothing to measure: try another precision, CFG or sampler.":
    '\u6a21\u578b\u7684\u8f38\u51fa\u5728\u7b2c {step} / {steps} \u6b65\u4e0d\u662f\u6709\u9650\u6578\uff08NaN \u6216\u7121\u7aae\uff09\uff0c\u56e0\u6b64\u7121\u6cd5\u6e2c\u91cf\uff1a\u8acb\u5617\u8a66\u5176\u4ed6\u7cbe\u5ea6\u3001CFG \u6216\u53d6\u6a23\u5668\u3002',
  "The next run is watched.":
    '\u4e0b\u4e00\u6b21\u57f7\u884c\u6703\u88ab\u89c0\u5bdf\u3002',
  "The next run is watched: its picture is the full one, and every run after it is compressed.":
    '\u4e0b\u4e00\u6b21\u57f7\u884c\u6703\u88ab\u89c0\u5bdf\uff1a\u8a72\u5716\u50cf\u70ba\u5b8c\u6574\u7d50\u679c\uff0c\u4e4b\u5f8c\u7684\u6bcf\u6b21\u57f7\u884c\u90fd\u6703\u88ab\u58d3\u7e2e\u3002',
  "The noise levels (sigmas) hold {level}, which is no finite number.":
    '\u96dc\u8a0a\u6c34\u5e73\uff08sigmas\uff09\u4e2d\u542b\u6709 {level}\uff0c\u5b83\u4e0d\u662f\u6709\u9650\u6578\u3002',
  "The papers' methods decide while they sample and leave no measurements: set the linked DiTFastAttn Calibrate to the method 'one run'.":
    '\u8ad6\u6587\u7684\u65b9\u6cd5\u5728\u53d6\u6a23\u6642\u4f5c\u51fa\u6c7a\u5b9a\uff0c\u4e0d\u7559\u4e0b\u6e2c\u91cf\u8cc7\u6599\uff1a\u8acb\u5c07\u6240\u9023\u63a5\u7684\u300cDiTFastAttn \u6821\u6e96\u300d\u7684\u65b9\u6cd5\u8a2d\u70ba one run\u3002',
  "The papers' methods know no budget and only one prompt and seed, and their errors are measured already: with them, set runs to 1, keep_work, keep_attention and max_cache_mib to 0, price to FLOPs and verify to off, and leave measurements unconnected.":
    '\u8ad6\u6587\u7684\u65b9\u6cd5\u4e0d\u652f\u63f4\u9810\u7b97\uff0c\u53ea\u7528\u4e00\u689d\u63d0\u793a\u8a5e\u548c\u4e00\u500b\u7a2e\u5b50\uff0c\u8aa4\u5dee\u4e5f\u5df2\u6e2c\u5f97\uff1a\u4f7f\u7528\u5b83\u5011\u6642\uff0c\u8acb\u5c07 runs \u8a2d\u70ba 1\uff0ckeep_work\u3001keep_attention \u548c max_cache_mib \u8a2d\u70ba 0\uff0cprice \u8a2d\u70ba FLOPs\uff0cverify \u8a2d\u70ba off\uff0c\u4e26\u4e14\u4e0d\u8981\u9023\u63a5 measurements\u3002',
  "The picture is made with full attention.":
    '\u8a72\u5716\u50cf\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u751f\u6210\u3002',
  "The plan computes heads in a way that this version of the pack does not know ({error}): update DiTFastAttn, or run DiTFastAttn Calibrate on this model.":
    '\u65b9\u6848\u4f7f\u7528\u4e86\u6b64\u7248\u672c\u7bc0\u9ede\u5305\u4e0d\u8a8d\u8b58\u7684\u8a08\u7b97\u65b9\u5f0f\uff08{error}\uff09\uff1a\u8acb\u66f4\u65b0 DiTFastAttn\uff0c\u6216\u5c0d\u6b64\u6a21\u578b\u57f7\u884c\u300cDiTFastAttn \u6821\u6e96\u300d\u3002',
  "The plan could not be started ({error}), so the run was made with full attention.":
    '\u65b9\u6848\u7121\u6cd5\u555f\u52d5\uff08{error}\uff09\uff0c\u56e0\u6b64\u672c\u6b21\u57f7\u884c\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "The plan gives a {name} to a noise level that does not follow a forecast one.":
    '\u65b9\u6848\u70ba\u4e00\u500b\u4e26\u975e\u7dca\u8ddf\u5728\u9810\u6e2c\u4e4b\u5f8c\u7684\u96dc\u8a0a\u6c34\u5e73\u7d66\u51fa\u4e86 {name}\u3002',
  "The plan gives {names} of forecasts at a level that has none.":
    '\u65b9\u6848\u70ba\u4e00\u500b\u6c92\u6709\u9810\u6e2c\u7684\u7b49\u7d1a\u7d66\u51fa\u4e86\u9810\u6e2c\u7684 {names}\u3002',
  "The plan has no level 'custom': set keep_work or keep_attention in DiTFastAttn Calibrate, or choose one of {levels}.":
    '\u65b9\u6848\u6c92\u6709\u7b49\u7d1a custom\uff1a\u8acb\u5728\u300cDiTFastAttn \u6821\u6e96\u300d\u4e2d\u8a2d\u5b9a keep_work \u6216 keep_attention\uff0c\u6216\u9078\u64c7 {levels} \u4e4b\u4e00\u3002',
  "The plan has no level {levels}: its text would be too long.":
    '\u65b9\u6848\u6c92\u6709\u7b49\u7d1a {levels}\uff1a\u5176\u6587\u5b57\u6703\u904e\u9577\u3002',
  "The plan has no level {name}; it has {levels}.":
    '\u65b9\u6848\u6c92\u6709\u7b49\u7d1a {name}\uff1b\u5b83\u6709 {levels}\u3002',
  "The plan holds a number that is not finite.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u500b\u6578\u4e0d\u662f\u6709\u9650\u6578\u3002',
  "The plan holds a number that is too long.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u500b\u6578\u904e\u9577\u3002',
  "The plan is not complete: it lacks {key}.":
    '\u65b9\u6848\u4e0d\u5b8c\u6574\uff1a\u7f3a\u5c11 {key}\u3002',
  "The plan is of a version that does not exist.":
    '\u65b9\u6848\u7684\u7248\u672c\u4e0d\u5b58\u5728\u3002',
  "The plan lacks its model or its measurement.":
    '\u65b9\u6848\u7f3a\u5c11\u6a21\u578b\u6216\u6e2c\u91cf\u8cc7\u8a0a\u3002',
  "The plan must evaluate the model at the first noise level.":
    '\u65b9\u6848\u5fc5\u9808\u5728\u7b2c\u4e00\u500b\u96dc\u8a0a\u6c34\u5e73\u4e0a\u57f7\u884c\u6a21\u578b\u3002',
  "The plan names one layer twice.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u5c64\u51fa\u73fe\u4e86\u5169\u6b21\u3002',
  "The plan names one level twice.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u500b\u7b49\u7d1a\u51fa\u73fe\u4e86\u5169\u6b21\u3002',
  "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came.":
    '\u65b9\u6848\u5728\u751f\u6210\u4e4b\u5f8c\u88ab\u4fee\u6539\u6216\u640d\u58de\uff1a\u8acb\u91cd\u65b0\u6821\u6e96\uff0c\u6216\u5f9e\u4f86\u6e90\u8655\u91cd\u65b0\u53d6\u5f97\u3002',
  "The plan was made by a newer version of DiTFastAttn: update the node pack to use it.":
    '\u65b9\u6848\u7531\u66f4\u65b0\u7248\u672c\u7684 DiTFastAttn \u751f\u6210\uff1a\u8acb\u66f4\u65b0\u7bc0\u9ede\u5305\u5f8c\u4f7f\u7528\u3002',
  "The plan's heads must be given as texts, one for each layer.":
    '\u65b9\u6848\u7684\u6ce8\u610f\u529b\u982d\u5fc5\u9808\u4ee5\u6587\u5b57\u7d66\u51fa\uff0c\u6bcf\u5c64\u4e00\u6bb5\u3002',
  "The plan's layers must each have a name and a head count.":
    '\u65b9\u6848\u7684\u6bcf\u4e00\u5c64\u90fd\u5fc5\u9808\u6709\u540d\u7a31\u548c\u6ce8\u610f\u529b\u982d\u6578\u3002',
  "The plan's level expects errors of {count} of {layers} layers; it must be all or none.":
    '\u65b9\u6848\u7684\u7b49\u7d1a\u7d66\u51fa\u4e86 {layers} \u5c64\u4e2d {count} \u5c64\u7684\u9810\u671f\u8aa4\u5dee\uff1b\u5fc5\u9808\u5168\u90e8\u7d66\u51fa\u6216\u5168\u4e0d\u7d66\u51fa\u3002',
  "The plan's levels are not complete.":
    '\u65b9\u6848\u7684\u7b49\u7d1a\u4e0d\u5b8c\u6574\u3002',
  "The plan's marks of evaluated noise levels must be a text of 0 and 1.":
    '\u65b9\u6848\u4e2d\u6a19\u8a18\u57f7\u884c\u6a21\u578b\u7684\u96dc\u8a0a\u6c34\u5e73\u7684\u6587\u5b57\u5fc5\u9808\u7531 0 \u548c 1 \u7d44\u6210\u3002',
  "The plan's marks of pooled windows must be a text with one 0 or 1 for each of them.":
    '\u65b9\u6848\u4e2d\u6a19\u8a18\u6c60\u5316\u8996\u7a97\u7684\u6587\u5b57\u5fc5\u9808\u70ba\u6bcf\u500b\u8996\u7a97\u7d66\u51fa\u4e00\u500b 0 \u6216 1\u3002',
  "The plan's model fingerprint must be 16 hexadecimal digits.":
    '\u65b9\u6848\u7684\u6a21\u578b\u6307\u7d0b\u5fc5\u9808\u662f 16 \u4f4d\u5341\u516d\u9032\u4f4d\u6578\u5b57\u3002',
  "The plan's noise positions must descend, each below the one before.":
    '\u65b9\u6848\u7684\u96dc\u8a0a\u4f4d\u7f6e\u5fc5\u9808\u4f9d\u6b21\u905e\u6e1b\u3002',
  "The plan's paths must be texts of 1 to {most} letters.":
    '\u65b9\u6848\u7684\u8def\u5f91\u5fc5\u9808\u662f 1 \u5230 {most} \u500b\u5b57\u6bcd\u7684\u6587\u5b57\u3002',
  "The plan's references must have grids of as many axes as its token grid.":
    '\u65b9\u6848\u7684\u53c3\u8003\u5f71\u50cf\u7db2\u683c\u5fc5\u9808\u8207\u5176 token \u7db2\u683c\u5177\u6709\u76f8\u540c\u7684\u8ef8\u6578\u3002',
  "The plan's references to profiles are damaged.":
    '\u65b9\u6848\u4e2d\u5c0d\u8a2d\u5b9a\u6a94\u7684\u5f15\u7528\u5df2\u640d\u58de\u3002',
  "The plan's run was sampled twice: the first one had the GPU's kernels to compile.":
    '\u4f7f\u7528\u65b9\u6848\u7684\u57f7\u884c\u53d6\u6a23\u4e86\u5169\u6b21\uff1a\u7b2c\u4e00\u6b21\u9700\u8981\u7de8\u8b6f GPU \u6838\u5fc3\u3002',
  "The plan's seeds must be numbers written as text.":
    '\u65b9\u6848\u7684\u7a2e\u5b50\u5fc5\u9808\u662f\u4ee5\u6587\u5b57\u66f8\u5beb\u7684\u6578\u5b57\u3002',
  "The plan's sharing and its evaluated noise levels must be given as texts.":
    '\u65b9\u6848\u7684\u5171\u4eab\u6a19\u8a18\u548c\u57f7\u884c\u6a21\u578b\u7684\u96dc\u8a0a\u6c34\u5e73\u5fc5\u9808\u4ee5\u6587\u5b57\u7d66\u51fa\u3002',
  "The plan's sharing must be given as texts of 0 and 1.":
    '\u65b9\u6848\u7684\u5171\u4eab\u6a19\u8a18\u5fc5\u9808\u662f\u7531 0 \u548c 1 \u7d44\u6210\u7684\u6587\u5b57\u3002',
  "The plan's text would be {length} characters long, at most {most} are allowed: calibrate with fewer steps.":
    '\u65b9\u6848\u7684\u6587\u5b57\u5c07\u6709 {length} \u500b\u5b57\u5143\uff0c\u6700\u591a\u5141\u8a31 {most} \u500b\uff1a\u8acb\u7528\u66f4\u5c11\u7684\u6b65\u6578\u6821\u6e96\u3002',
  "The plan's ways must each have a kind and parameters.":
    '\u65b9\u6848\u7684\u6bcf\u7a2e\u8a08\u7b97\u65b9\u5f0f\u90fd\u5fc5\u9808\u6709\u985e\u578b\u548c\u53c3\u6578\u3002',
  "The plan's ways must give {axes} fractions of the grid, one per axis.":
    '\u65b9\u6848\u7684\u8a08\u7b97\u65b9\u5f0f\u5fc5\u9808\u7d66\u51fa\u7db2\u683c\u7684 {axes} \u500b\u6bd4\u4f8b\uff0c\u6bcf\u500b\u8ef8\u4e00\u500b\u3002',
  "The plan's {names} must be one for each noise level.":
    '\u65b9\u6848\u7684 {names} \u5fc5\u9808\u6bcf\u500b\u96dc\u8a0a\u6c34\u5e73\u4e00\u500b\u3002',
  "The plan's {what} must be 1 to 120 letters, digits, dots, dashes or underscores.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u9808\u662f 1 \u5230 120 \u500b\u5b57\u6bcd\u3001\u6578\u5b57\u3001\u9ede\u3001\u9023\u5b57\u865f\u6216\u5e95\u7dda\u3002',
  "The plan's {what} must be a finite number.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u9808\u662f\u6709\u9650\u6578\u3002',
  "The plan's {what} must be a list of {low} to {high} items.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u9808\u662f\u542b {low} \u5230 {high} \u9805\u7684\u6e05\u55ae\u3002',
  "The plan's {what} must be a number from {low} to {high}.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u9808\u662f {low} \u5230 {high} \u4e4b\u9593\u7684\u6578\u3002',
  "The plan's {what} must be a whole number from {low} to {high}.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u9808\u662f {low} \u5230 {high} \u4e4b\u9593\u7684\u6574\u6578\u3002',
  "The plan's {what} must be plain text of at most {longest} characters.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u9808\u662f\u81f3\u591a {longest} \u500b\u5b57\u5143\u7684\u7d14\u6587\u5b57\u3002',
  "The prediction is not met: choose a milder level.":
    '\u672a\u9054\u5230\u9810\u6e2c\uff1a\u8acb\u9078\u64c7\u66f4\u6eab\u548c\u7684\u7b49\u7d1a\u3002',
  "The run could not be prepared ({error}), so it was made with full attention.":
    '\u7121\u6cd5\u6e96\u5099\u672c\u6b21\u57f7\u884c\uff08{error}\uff09\uff0c\u56e0\u6b64\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "The run did not finish, so nothing was measured and nothing is kept. The next run is watched.":
    '\u57f7\u884c\u6c92\u6709\u5b8c\u6210\uff0c\u56e0\u6b64\u6c92\u6709\u6e2c\u91cf\uff0c\u4e5f\u6c92\u6709\u4fdd\u7559\u4efb\u4f55\u7d50\u679c\u3002\u4e0b\u4e00\u6b21\u57f7\u884c\u6703\u88ab\u89c0\u5bdf\u3002',
  "The run was cancelled.":
    '\u57f7\u884c\u5df2\u53d6\u6d88\u3002',
  "The run was made with full attention.":
    '\u672c\u6b21\u57f7\u884c\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "The sampled latent is not finite (NaN or infinite): see whether it is at level off, too.":
    '\u53d6\u6a23\u5f97\u5230\u7684 Latent \u4e0d\u662f\u6709\u9650\u6578\uff08NaN \u6216\u7121\u7aae\uff09\uff1a\u8acb\u6aa2\u67e5\u7b49\u7d1a\u70ba off \u6642\u662f\u5426\u4e5f\u662f\u5982\u6b64\u3002',
  "The sampling run ended without one attention call that can be compressed: nothing was measured.":
    '\u53d6\u6a23\u7d50\u675f\u6642\u6c92\u6709\u51fa\u73fe\u4efb\u4f55\u53ef\u58d3\u7e2e\u7684\u6ce8\u610f\u529b\u8a08\u7b97\uff1a\u6c92\u6709\u6e2c\u91cf\u3002',
  "The sampling run ended without one attention call that can be compressed: nothing was searched.":
    '\u53d6\u6a23\u7d50\u675f\u6642\u6c92\u6709\u51fa\u73fe\u4efb\u4f55\u53ef\u58d3\u7e2e\u7684\u6ce8\u610f\u529b\u8a08\u7b97\uff1a\u6c92\u6709\u641c\u5c0b\u3002',
  "The strongest compression measured still keeps {part} of the attention.":
    '\u6240\u6e2c\u5f97\u7684\u6700\u5f37\u58d3\u7e2e\u4ecd\u4fdd\u7559 {part} \u7684\u6ce8\u610f\u529b\u3002',
  "The strongest compression measured still keeps {part} of the work.":
    '\u6240\u6e2c\u5f97\u7684\u6700\u5f37\u58d3\u7e2e\u4ecd\u4fdd\u7559 {part} \u7684\u8a08\u7b97\u91cf\u3002',
  "The text is JSON, but not a DiTFastAttn plan.":
    '\u8a72\u6587\u5b57\u662f JSON\uff0c\u4f46\u4e0d\u662f DiTFastAttn \u65b9\u6848\u3002',
  "The text is nested too deeply to be a plan.":
    '\u8a72\u6587\u5b57\u5de2\u72c0\u904e\u6df1\uff0c\u4e0d\u53ef\u80fd\u662f\u65b9\u6848\u3002',
  "The text is not a plan: it gives one entry twice.":
    '\u8a72\u6587\u5b57\u4e0d\u662f\u65b9\u6848\uff1a\u6709\u4e00\u9805\u51fa\u73fe\u4e86\u5169\u6b21\u3002',
  "The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off.":
    '\u8a72\u6587\u5b57\u4e0d\u662f\u65b9\u6848\uff1a\u5b83\u4e0d\u662f\u6709\u6548\u7684 JSON\uff0c\u53ef\u80fd\u6709\u4e00\u90e8\u5206\u88ab\u622a\u65b7\u3002',
  "The text is not a plan: it must be one JSON object.":
    '\u8a72\u6587\u5b57\u4e0d\u662f\u65b9\u6848\uff1a\u5b83\u5fc5\u9808\u662f\u4e00\u500b JSON \u7269\u4ef6\u3002',
  "The text is too long for a plan: {length} characters, at most {most} are allowed.":
    '\u8a72\u6587\u5b57\u904e\u9577\uff0c\u4e0d\u662f\u65b9\u6848\uff1a{length} \u500b\u5b57\u5143\uff0c\u6700\u591a\u5141\u8a31 {most} \u500b\u3002',
  "The work outside attention must be finite and not negative.":
    '\u6ce8\u610f\u529b\u4e4b\u5916\u7684\u8a08\u7b97\u91cf\u5fc5\u9808\u662f\u6709\u9650\u6578\u4e14\u4e0d\u70ba\u8ca0\u3002',
  "There is no level 'custom' to verify: set keep_work or keep_attention above 0.":
    '\u6c92\u6709\u53ef\u6aa2\u9a57\u7684\u7b49\u7d1a custom\uff1a\u8acb\u5c07 keep_work \u6216 keep_attention \u8a2d\u70ba\u5927\u65bc 0\u3002',
  "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.":
    '\u9084\u6c92\u6709\u65b9\u6848\uff1a\u8acb\u57f7\u884c\u300cDiTFastAttn \u6821\u6e96\u300d\uff0c\u6216\u8cbc\u4e0a\u65b9\u6848\u3002',
  "There is no prompt to sample: connect positive and negative, or a guider.":
    '\u6c92\u6709\u53ef\u53d6\u6a23\u7684\u63d0\u793a\u8a5e\uff1a\u8acb\u9023\u63a5\u6b63\u5411\u689d\u4ef6\u548c\u8ca0\u5411\u689d\u4ef6\uff0c\u6216\u9023\u63a5\u5f15\u5c0e\u5668\u3002',
  "There was not enough GPU memory to try the Triton kernel; it is tried again later.":
    '\u986f\u793a\u8a18\u61b6\u9ad4\u4e0d\u8db3\uff0c\u7121\u6cd5\u8a66\u57f7\u884c Triton \u6838\u5fc3\uff1b\u7a0d\u5f8c\u6703\u518d\u6b21\u5617\u8a66\u3002',
  "This DiT has {classes} classes, and {label} is none of them.":
    '\u6b64 DiT \u6709 {classes} \u500b\u985e\u5225\uff0c{label} \u4e0d\u5728\u5176\u4e2d\u3002',
  "This plan was made for a {family} model of another architecture (fingerprint {planned}, the connected model has {connected}): connect that model, or have a new plan made for this one.":
    '\u6b64\u65b9\u6848\u9069\u7528\u65bc\u53e6\u4e00\u67b6\u69cb\u7684 {family} \u6a21\u578b\uff08\u6307\u7d0b {planned}\uff0c\u6240\u9023\u63a5\u7684\u6a21\u578b\u70ba {connected}\uff09\uff1a\u8acb\u9023\u63a5\u90a3\u500b\u6a21\u578b\uff0c\u6216\u70ba\u6b64\u6a21\u578b\u7522\u751f\u65b0\u65b9\u6848\u3002',
  "This plan was made for {planned}, but the connected model is {connected}: connect that model, or have a new plan made for this one.":
    '\u6b64\u65b9\u6848\u9069\u7528\u65bc {planned}\uff0c\u4f46\u6240\u9023\u63a5\u7684\u6a21\u578b\u662f {connected}\uff1a\u8acb\u9023\u63a5\u90a3\u500b\u6a21\u578b\uff0c\u6216\u70ba\u6b64\u6a21\u578b\u7522\u751f\u65b0\u65b9\u6848\u3002',
  "To have one more run watched, set calibrate to 'again'; bypass the node to be rid of this line.":
    '\u82e5\u8981\u518d\u89c0\u5bdf\u4e00\u6b21\u57f7\u884c\uff0c\u8acb\u5c07\u300c\u6821\u6e96\u300d\u8a2d\u70ba again\uff1b\u7e5e\u904e\u672c\u7bc0\u9ede\u5373\u53ef\u4e0d\u518d\u986f\u793a\u6b64\u884c\u3002',
  "Triton does not load: {kind}: {error}.":
    'Triton \u7121\u6cd5\u8f09\u5165\uff1a{kind}\uff1a{error}\u3002',
  "Triton is not installed or does not load ({error}).":
    'Triton \u672a\u5b89\u88dd\u6216\u7121\u6cd5\u8f09\u5165\uff08{error}\uff09\u3002',
  "Triton is not installed or does not load ({error}); triton-windows would make this faster.":
    'Triton \u672a\u5b89\u88dd\u6216\u7121\u6cd5\u8f09\u5165\uff08{error}\uff09\uff1b\u5b89\u88dd triton-windows \u6703\u66f4\u5feb\u3002',
  "Watched: the plan for the runs to come is made.":
    '\u5df2\u89c0\u5bdf\uff1a\u4eca\u5f8c\u57f7\u884c\u6240\u7528\u7684\u65b9\u6848\u5df2\u7522\u751f\u3002',
  "all of the picture, in INT8":
    '\u6574\u5e45\u5716\u50cf\uff0cINT8',
  "attends in windows of its own":
    '\u4f7f\u7528\u81ea\u5df1\u7684\u8996\u7a97\u8a08\u7b97\u6ce8\u610f\u529b',
  "is a language model that keeps keys and values itself":
    '\u662f\u81ea\u884c\u4fdd\u5b58\u9375\u548c\u503c\u7684\u8a9e\u8a00\u6a21\u578b',
  "its batch is not the sampler's":
    '\u5176\u6279\u6b21\u8207\u53d6\u6a23\u5668\u7684\u4e0d\u540c',
  "makes its video part by part from keys and values that it keeps itself":
    '\u5229\u7528\u81ea\u884c\u4fdd\u5b58\u7684\u9375\u548c\u503c\u9010\u6bb5\u751f\u6210\u5f71\u7247',
  "no LoRA":
    '\u7121 LoRA',
  "no attention call that can be compressed was seen, or the run was too short.":
    '\u6c92\u6709\u51fa\u73fe\u53ef\u58d3\u7e2e\u7684\u6ce8\u610f\u529b\u8a08\u7b97\uff0c\u6216\u57f7\u884c\u904e\u77ed\u3002',
  "no reference pictures":
    '\u7121\u53c3\u8003\u5f71\u50cf',
  "queries and keys differ in shape":
    '\u67e5\u8a62\u8207\u9375\u7684\u5f62\u72c0\u4e0d\u540c',
  "references of {sizes} tokens":
    '{sizes} \u500b token \u7684\u53c3\u8003\u5f71\u50cf',
  "sigmas holds no step: connect the noise levels that you sample with.":
    'sigmas \u4e2d\u6c92\u6709\u4efb\u4f55\u4e00\u6b65\uff1a\u8acb\u9023\u63a5\u53d6\u6a23\u6240\u7528\u7684\u96dc\u8a0a\u6c34\u5e73\u3002',
  "the model does not attend in {layer} as the plan says":
    '\u6a21\u578b\u4e26\u4e0d\u5982\u65b9\u6848\u6240\u8ff0\u5728 {layer} \u4e2d\u8a08\u7b97\u6ce8\u610f\u529b',
  "the model masks its attention":
    '\u6a21\u578b\u5c0d\u6ce8\u610f\u529b\u4f7f\u7528\u906e\u7f69',
  "{count} known already.":
    '\u5176\u4e2d {count} \u6b21\u7684\u7d50\u679c\u5df2\u6709\u3002',
  "{count} of {all} forwards were passes that guidance makes beside its branches, and ran in full.":
    '{all} \u6b21\u524d\u5411\u8a08\u7b97\u4e2d\u6709 {count} \u6b21\u662f\u5f15\u5c0e\u5728\u5176\u5206\u652f\u4e4b\u5916\u9032\u884c\u7684\uff0c\u4ee5\u5b8c\u6574\u65b9\u5f0f\u57f7\u884c\u3002',
  "{count} runs sampled.":
    '\u5df2\u53d6\u6a23 {count} \u6b21\u3002',
  "{extent} of the picture":
    '\u5716\u50cf\u7684 {extent}',
  "{extent} of the picture, in INT8":
    '\u5716\u50cf\u7684 {extent}\uff0cINT8',
  "{extent} of the picture, the rest pooled":
    '\u5716\u50cf\u7684 {extent}\uff0c\u5176\u9918\u90e8\u5206\u6c60\u5316',
  "{extent} of the picture, the rest pooled, in INT8":
    '\u5716\u50cf\u7684 {extent}\uff0c\u5176\u9918\u90e8\u5206\u6c60\u5316\uff0cINT8',
  "{family} (1 attention layer, {heads} heads, fingerprint {fingerprint})":
    '{family}\uff081 \u500b\u6ce8\u610f\u529b\u5c64\uff0c{heads} \u500b\u982d\uff0c\u6307\u7d0b {fingerprint}\uff09',
  "{family} ({layers} attention layers, {heads} heads, fingerprint {fingerprint})":
    '{family}\uff08{layers} \u500b\u6ce8\u610f\u529b\u5c64\uff0c{heads} \u500b\u982d\uff0c\u6307\u7d0b {fingerprint}\uff09',
  "{file} cannot be read as tensors alone ({error}): files with anything else are refused, because they may run code. Look for a safetensors file of the model.":
    '{file} \u4e0d\u80fd\u53ea\u4f5c\u70ba\u5f35\u91cf\u8b80\u53d6\uff08{error}\uff09\uff1a\u542b\u6709\u5176\u4ed6\u5167\u5bb9\u7684\u6a94\u6848\u6703\u88ab\u62d2\u7d55\uff0c\u56e0\u70ba\u5b83\u5011\u53ef\u80fd\u6703\u57f7\u884c\u7a0b\u5f0f\u78bc\u3002\u8acb\u627e\u6b64\u6a21\u578b\u7684 safetensors \u6a94\u6848\u3002',
  "{file} holds more than the tensors of one model.":
    '{file} \u6240\u542b\u7684\u4e0d\u53ea\u662f\u4e00\u500b\u6a21\u578b\u7684\u5f35\u91cf\u3002',
  "{file} is no autoencoder of Open-Sora 1.2, which has one part for frames and one for time. The host's Load VAE may know it.":
    '{file} \u4e0d\u662f Open-Sora 1.2 \u7684\u81ea\u7de8\u78bc\u5668\uff1a\u90a3\u61c9\u6709\u4e00\u90e8\u5206\u91dd\u5c0d\u5e40\u3001\u4e00\u90e8\u5206\u91dd\u5c0d\u6642\u9593\u3002ComfyUI \u7684 Load VAE \u4e5f\u8a31\u8a8d\u8b58\u5b83\u3002',
  "{file} is none of the models that this node loads ({models}): it holds {examples}. The host's Load Diffusion Model may know it.":
    '{file} \u4e0d\u662f\u672c\u7bc0\u9ede\u80fd\u8f09\u5165\u7684\u6a21\u578b\uff08{models}\uff09\uff1a\u5b83\u5305\u542b {examples}\u3002ComfyUI \u81ea\u5e36\u7684\u300c\u8f09\u5165\u64f4\u6563\u6a21\u578b\u300d\u4e5f\u8a31\u8a8d\u8b58\u5b83\u3002',
  "{file} is not a whole {model}: {missing} tensors are missing, {foreign} are of no layer, {other} have another shape ({examples}).":
    '{file} \u4e0d\u662f\u5b8c\u6574\u7684 {model}\uff1a\u7f3a\u5c11 {missing} \u500b\u5f35\u91cf\uff0c{foreign} \u500b\u4e0d\u5c6c\u65bc\u4efb\u4f55\u5c64\uff0c{other} \u500b\u5f62\u72c0\u4e0d\u540c\uff08{examples}\uff09\u3002',
  "{file} looks like {model}, and its size is none that is known ({error}).":
    '{file} \u770b\u8d77\u4f86\u50cf {model}\uff0c\u4f46\u5176\u5c3a\u5bf8\u4e0d\u662f\u5df2\u77e5\u7684\uff08{error}\uff09\u3002',
  "{first} {second}":
    '{first}{second}',
  "{half} of the tokens to either side":
    '\u5169\u5074\u5404 {half} \u7684 token',
  "{layer} could not be compressed ({reason}); the rest of the run was computed in full.":
    '{layer} \u7121\u6cd5\u58d3\u7e2e\uff08{reason}\uff09\uff1b\u57f7\u884c\u7684\u5176\u9918\u90e8\u5206\u5b8c\u6574\u8a08\u7b97\u3002',
  "{layer} ran in full: another node has put a function of its own in the place of its layer.":
    '{layer} \u5b8c\u6574\u8a08\u7b97\uff1a\u53e6\u4e00\u500b\u7bc0\u9ede\u4ee5\u81ea\u5df1\u7684\u51fd\u5f0f\u53d6\u4ee3\u4e86\u8a72\u5c64\u3002',
  "{layer} ran in full: {reason}.":
    '{layer} \u5b8c\u6574\u8a08\u7b97\uff1a{reason}\u3002',
  "{layer} ran without windows: its {tokens} tokens do not fit the {grid} grid.":
    '{layer} \u672a\u4f7f\u7528\u8996\u7a97\uff1a\u5176 {tokens} \u500b token \u4e0d\u7b26\u5408 {grid} \u7db2\u683c\u3002',
  "{level} checked: relative error {error} where {predicted} is predicted (PSNR of the latent {psnr} dB), attempt {count}.":
    '\u5df2\u6aa2\u9a57 {level}\uff1a\u76f8\u5c0d\u8aa4\u5dee {error}\uff0c\u9810\u6e2c\u70ba {predicted}\uff08Latent \u7684 PSNR {psnr} dB\uff09\uff0c\u7b2c {count} \u6b21\u5617\u8a66\u3002',
  "{level}: {note}":
    '{level}\uff1a{note}',
  "{model} is not a model that DiTFastAttn covers, so it runs with full attention: bypass or remove the node, or load one of those that are covered ({covered}).":
    '{model} \u4e0d\u662f DiTFastAttn \u652f\u63f4\u7684\u6a21\u578b\uff0c\u56e0\u6b64\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\uff1a\u8acb\u7e5e\u904e\u6216\u79fb\u9664\u672c\u7bc0\u9ede\uff0c\u6216\u8f09\u5165\u53d7\u652f\u63f4\u7684\u6a21\u578b\uff08{covered}\uff09\u3002',
  "{model} {reason}, so it runs with full attention: bypass or remove the node.":
    '{model}\uff08{reason}\uff09\u7121\u6cd5\u58d3\u7e2e\uff0c\u56e0\u6b64\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\uff1a\u8acb\u7e5e\u904e\u6216\u79fb\u9664\u672c\u7bc0\u9ede\u3002',
  "{name} must be finite, not {wrong}: set it to what you sample with.":
    '{name} \u5fc5\u9808\u662f\u6709\u9650\u6578\uff0c\u800c\u4e0d\u662f {wrong}\uff1a\u8acb\u8a2d\u70ba\u60a8\u53d6\u6a23\u6240\u7528\u7684\u503c\u3002',
  "{node} leaves out steps as well: what that changes comes on top of the predicted error.":
    '{node} \u4e5f\u6703\u7701\u7565\u6b65\u9a5f\uff1a\u5b83\u5e36\u4f86\u7684\u6539\u8b8a\u4e0d\u5305\u542b\u5728\u9810\u6e2c\u8aa4\u5dee\u4e2d\u3002',
  "{part} of the attention cells run in full because this run's steps are too far apart for their caches.":
    '\u7531\u65bc\u672c\u6b21\u57f7\u884c\u7684\u6b65\u8ddd\u904e\u5927\uff0c\u5feb\u53d6\u4e0d\u9069\u7528\uff0c{part} \u7684\u6ce8\u610f\u529b\u55ae\u5143\u5b8c\u6574\u8a08\u7b97\u3002',
  "{recalled} of {steps} steps that the plan forecasts are computed, because this run's steps are too far apart for a forecast.":
    '\u7531\u65bc\u672c\u6b21\u57f7\u884c\u7684\u6b65\u8ddd\u904e\u5927\uff0c\u7121\u6cd5\u9810\u6e2c\uff0c\u65b9\u6848\u8981\u9810\u6e2c\u7684 {steps} \u6b65\u4e2d\u6709 {recalled} \u6b65\u6539\u70ba\u8a08\u7b97\u3002',
  "{steps} of {of} steps, the same work, err by {error}.":
    '\u540c\u6a23\u7684\u8a08\u7b97\u91cf\u4e0b\uff0c\u7528 {of} \u6b65\u4e2d\u7684 {steps} \u6b65\u53d6\u6a23\u7684\u8aa4\u5dee\u70ba {error}\u3002',
};
