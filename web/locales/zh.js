// What the server says in Simplified Chinese, by English template: see en.js. Characters that not every Windows console reads
// are written as escapes.

export default {
  "1 run sampled.":
    '\u5df2\u91c7\u6837 1 \u6b21\u3002',
  "A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.":
    '\u6b63\u5728\u5f55\u5236 CUDA graph\uff0c\u800c Triton \u5185\u6838\u5c1a\u672a\u5728\u6b64 GPU \u4e0a\u8bd5\u8fd0\u884c\u8fc7\u3002',
  "A calibration must have costs.":
    '\u6821\u51c6\u6570\u636e\u5fc5\u987b\u542b\u6709\u8ba1\u7b97\u91cf\u3002',
  "A calibration's costs must be those of its layers and ways.":
    '\u6821\u51c6\u6570\u636e\u4e2d\u7684\u8ba1\u7b97\u91cf\u5fc5\u987b\u5bf9\u5e94\u5176\u5c42\u548c\u8ba1\u7b97\u65b9\u5f0f\u3002',
  "A calibration's forecasts must be of its noise levels.":
    '\u6821\u51c6\u6570\u636e\u4e2d\u7684\u9884\u6d4b\u5fc5\u987b\u5bf9\u5e94\u5176\u566a\u58f0\u6c34\u5e73\u3002',
  "A calibration's layers must be sites.":
    '\u6821\u51c6\u6570\u636e\u4e2d\u7684\u5c42\u5fc5\u987b\u662f\u6ce8\u610f\u529b\u5c42\u3002',
  "A calibration's milliseconds must be in milliseconds.":
    '\u6821\u51c6\u6570\u636e\u4e2d\u7684\u8017\u65f6\u5fc5\u987b\u4ee5\u6beb\u79d2\u4e3a\u5355\u4f4d\u3002',
  "A level of the plan does not have the layers and heads of the plan's model.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u4e2a\u7b49\u7ea7\u4e0e\u65b9\u6848\u6a21\u578b\u7684\u5c42\u548c\u6ce8\u610f\u529b\u5934\u4e0d\u7b26\u3002',
  "A path of the plan uses a way that the plan does not define.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u6761\u8def\u5f84\u4f7f\u7528\u4e86\u65b9\u6848\u672a\u5b9a\u4e49\u7684\u8ba1\u7b97\u65b9\u5f0f\u3002',
  "A path of the plan uses residuals of two ways after one full noise level.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u6761\u8def\u5f84\u5728\u540c\u4e00\u4e2a\u5b8c\u6574\u8ba1\u7b97\u7684\u566a\u58f0\u6c34\u5e73\u4e4b\u540e\u4f7f\u7528\u4e86\u4e24\u79cd\u65b9\u5f0f\u7684\u6b8b\u5dee\u3002',
  "A picture is not finite (NaN or infinite): see whether it is without a plan, too.":
    '\u56fe\u50cf\u4e2d\u6709\u975e\u6709\u9650\u503c\uff08NaN \u6216\u65e0\u7a77\u5927\uff09\uff1a\u8bf7\u68c0\u67e5\u4e0d\u4f7f\u7528\u65b9\u6848\u65f6\u662f\u5426\u4e5f\u662f\u5982\u6b64\u3002',
  "A plan must be given as text.":
    '\u65b9\u6848\u5fc5\u987b\u4ee5\u6587\u672c\u5f62\u5f0f\u7ed9\u51fa\u3002',
  "A run of one step is too short to be measured: it takes {least} or more.":
    '\u8fd0\u884c\u6b65\u6570\u592a\u5c11\uff0c\u65e0\u6cd5\u6d4b\u91cf\uff1a\u81f3\u5c11\u9700\u8981 {least} \u6b65\u3002',
  "A text of letters and numbers in the plan is damaged.":
    '\u65b9\u6848\u4e2d\u4e00\u6bb5\u7531\u5b57\u6bcd\u548c\u6570\u5b57\u7ec4\u6210\u7684\u6587\u672c\u5df2\u635f\u574f\u3002',
  "A way of the plan has more than {most} parameters.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u79cd\u8ba1\u7b97\u65b9\u5f0f\u6709\u8d85\u8fc7 {most} \u4e2a\u53c2\u6570\u3002',
  "A way of the plan has one parameter twice.":
    '\u65b9\u6848\u4e2d\u7684\u4e00\u79cd\u8ba1\u7b97\u65b9\u5f0f\u6709\u91cd\u590d\u7684\u53c2\u6570\u3002',
  "A way's parameter must not be called {reserved}.":
    '\u8ba1\u7b97\u65b9\u5f0f\u7684\u53c2\u6570\u4e0d\u80fd\u547d\u540d\u4e3a {reserved}\u3002',
  "Another node answered {missed} of {expected} attention calls, so that it is not known what was saved and how much the picture changed.":
    '\u53e6\u4e00\u4e2a\u8282\u70b9\u5904\u7406\u4e86 {expected} \u6b21\u6ce8\u610f\u529b\u8c03\u7528\u4e2d\u7684 {missed} \u6b21\uff0c\u56e0\u6b64\u4e0d\u77e5\u9053\u8282\u7701\u4e86\u591a\u5c11\uff0c\u4e5f\u4e0d\u77e5\u9053\u56fe\u50cf\u6539\u53d8\u4e86\u591a\u5c11\u3002',
  "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is which: what it evaluates was computed in full.":
    '\u53e6\u4e00\u4e2a\u8282\u70b9\u5728\u6f5c\u7a7a\u95f4\u9001\u5165\u6a21\u578b\u7684\u9014\u4e2d\u5c06\u5176\u5207\u5757\u6216\u79fb\u52a8\uff08\u5206\u5757\uff09\uff0c\u56e0\u6b64\u65e0\u6cd5\u77e5\u9053\u54ea\u91cc\u662f\u54ea\u91cc\uff1a\u5b83\u6240\u8ba1\u7b97\u7684\u90e8\u5206\u4ee5\u5b8c\u6574\u65b9\u5f0f\u8ba1\u7b97\u3002',
  "Another node has put functions of its own in the place of {count} of {all} attention layers, which ran in full: put DiTFastAttn's node behind it.":
    '\u53e6\u4e00\u4e2a\u8282\u70b9\u628a\u81ea\u5df1\u7684\u51fd\u6570\u653e\u5230\u4e86 {all} \u4e2a\u6ce8\u610f\u529b\u5c42\u4e2d\u7684 {count} \u4e2a\u7684\u4f4d\u7f6e\u4e0a\uff0c\u8fd9\u4e9b\u5c42\u4ee5\u5b8c\u6574\u65b9\u5f0f\u8fd0\u884c\uff1a\u8bf7\u628a DiTFastAttn \u7684\u8282\u70b9\u653e\u5728\u5b83\u540e\u9762\u3002',
  "Apply Compression Plan has no plan and must not make one: set calibrate to 'when needed', connect DiTFastAttn Calibrate, or paste a plan into the node.":
    '“\u5e94\u7528\u538b\u7f29\u65b9\u6848”\u6ca1\u6709\u65b9\u6848\uff0c\u4e5f\u4e0d\u5141\u8bb8\u751f\u6210\uff1a\u8bf7\u5c06“\u6821\u51c6”\u8bbe\u4e3a when needed\uff0c\u8fde\u63a5“DiTFastAttn \u6821\u51c6”\uff0c\u6216\u5728\u8282\u70b9\u4e2d\u7c98\u8d34\u65b9\u6848\u3002',
  "As predicted.":
    '\u4e0e\u9884\u6d4b\u76f8\u7b26\u3002',
  "Attention is {part} of the work at this size, and leaving out steps costs more than it brings.":
    '\u5728\u6b64\u5c3a\u5bf8\u4e0b\u6ce8\u610f\u529b\u5360\u8ba1\u7b97\u91cf\u7684 {part}\uff0c\u800c\u7701\u7565\u6b65\u9aa4\u7684\u4ee3\u4ef7\u5927\u4e8e\u6536\u76ca\u3002',
  "Calibrated at CFG {measured}, sampled at CFG {sampled}.":
    '\u6821\u51c6\u65f6 CFG \u4e3a {measured}\uff0c\u91c7\u6837\u65f6\u4e3a {sampled}\u3002',
  "Calibrated at {measured} tokens, sampled at {sampled}.":
    '\u6821\u51c6\u65f6\u4e3a {measured} \u4e2a token\uff0c\u91c7\u6837\u65f6\u4e3a {sampled} \u4e2a\u3002',
  "Calibrated on another part of the noise schedule: set calibrate to 'again' to measure this one.":
    '\u6821\u51c6\u7684\u662f\u566a\u58f0\u8c03\u5ea6\u7684\u53e6\u4e00\u90e8\u5206\uff1a\u5c06“\u6821\u51c6”\u8bbe\u4e3a again \u53ef\u6d4b\u91cf\u8fd9\u4e00\u90e8\u5206\u3002',
  "Calibrated with {measured} steps, sampled with {sampled}.":
    '\u6821\u51c6\u65f6\u4e3a {measured} \u6b65\uff0c\u91c7\u6837\u65f6\u4e3a {sampled} \u6b65\u3002',
  "Calibrated with {measured}, sampled with {sampled}.":
    '\u6821\u51c6\u65f6\u4f7f\u7528 {measured}\uff0c\u91c7\u6837\u65f6\u4f7f\u7528 {sampled}\u3002',
  "Costs must be in {units}.":
    '\u8ba1\u7b97\u91cf\u7684\u5355\u4f4d\u5fc5\u987b\u662f {units}\u3002',
  "DiT draws classes and no text: connect ImageNet Class to the sampler.":
    'DiT \u6309\u7c7b\u522b\u800c\u4e0d\u662f\u6309\u6587\u5b57\u4f5c\u753b\uff1a\u8bf7\u628a\u201cImageNet \u7c7b\u522b\u201d\u63a5\u5230\u91c7\u6837\u5668\u3002',
  "Each path of the plan must begin with full attention.":
    '\u65b9\u6848\u7684\u6bcf\u6761\u8def\u5f84\u90fd\u5fc5\u987b\u4ee5\u5b8c\u6574\u6ce8\u610f\u529b\u5f00\u59cb\u3002',
  "Each path of the plan must have {rows} letters, one for each noise level.":
    '\u65b9\u6848\u7684\u6bcf\u6761\u8def\u5f84\u5fc5\u987b\u6709 {rows} \u4e2a\u5b57\u6bcd\uff0c\u6bcf\u4e2a\u566a\u58f0\u6c34\u5e73\u4e00\u4e2a\u3002',
  "Each text of letters and numbers in the plan must cover {rows} noise levels.":
    '\u65b9\u6848\u4e2d\u6bcf\u6bb5\u7531\u5b57\u6bcd\u548c\u6570\u5b57\u7ec4\u6210\u7684\u6587\u672c\u5fc5\u987b\u8986\u76d6 {rows} \u4e2a\u566a\u58f0\u6c34\u5e73\u3002',
  "For a larger picture, set calibrate to 'again'.":
    '\u82e5\u8981\u7528\u4e8e\u66f4\u5927\u7684\u56fe\u50cf\uff0c\u8bf7\u5c06“\u6821\u51c6”\u8bbe\u4e3a again\u3002',
  "From a run with full attention of {steps} steps in this session.":
    '\u4f9d\u636e\u672c\u6b21\u4f1a\u8bdd\u4e2d\u4e00\u6b21 {steps} \u6b65\u7684\u5b8c\u6574\u6ce8\u610f\u529b\u8fd0\u884c\u3002',
  "From {count} of this run's steps that were computed in full.":
    '\u4f9d\u636e\u672c\u6b21\u8fd0\u884c\u4e2d\u5b8c\u6574\u8ba1\u7b97\u7684 {count} \u6b65\u3002',
  "Give either an error to stay below or a fraction of attention to keep.":
    '\u8bf7\u7ed9\u51fa\u8bef\u5dee\u4e0a\u9650\u6216\u8981\u4fdd\u7559\u7684\u6ce8\u610f\u529b\u6bd4\u4f8b\uff0c\u4e8c\u8005\u9009\u4e00\u3002',
  "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.":
    '\u952e\u6709 {keys} \u4e2a\u5934\uff0c\u67e5\u8be2\u6709 {heads} \u4e2a\u5934\uff1bTriton \u5185\u6838\u4e0d\u652f\u6301\u5206\u7ec4\u67e5\u8be2\u6ce8\u610f\u529b\u3002',
  "Level {level} computes heads at a noise level at which the model is not evaluated.":
    '\u7b49\u7ea7 {level} \u5728\u4e0d\u8fd0\u884c\u6a21\u578b\u7684\u566a\u58f0\u6c34\u5e73\u4e0a\u8ba1\u7b97\u6ce8\u610f\u529b\u5934\u3002',
  "Level {level} does not have the layers and heads of the plan's model.":
    '\u7b49\u7ea7 {level} \u4e0e\u65b9\u6848\u6a21\u578b\u7684\u5c42\u548c\u6ce8\u610f\u529b\u5934\u4e0d\u7b26\u3002',
  "Level {level} must say of every noise level whether the branches share.":
    '\u7b49\u7ea7 {level} \u5fc5\u987b\u8bf4\u660e\u6bcf\u4e2a\u566a\u58f0\u6c34\u5e73\u4e0a\u4e24\u4e2a\u5206\u652f\u662f\u5426\u5171\u4eab\u3002',
  "Level {level} must say of every noise level whether the model is evaluated.":
    '\u7b49\u7ea7 {level} \u5fc5\u987b\u8bf4\u660e\u6bcf\u4e2a\u566a\u58f0\u6c34\u5e73\u4e0a\u662f\u5426\u8fd0\u884c\u6a21\u578b\u3002',
  "Measured in this session, in a run like this one.":
    '\u5728\u672c\u6b21\u4f1a\u8bdd\u4e2d\u4e00\u6b21\u76f8\u540c\u7684\u8fd0\u884c\u91cc\u6d4b\u5f97\u3002',
  "Memory ran out while caching, so the rest of the run was computed in full.":
    '\u7f13\u5b58\u65f6\u5185\u5b58\u4e0d\u8db3\uff0c\u56e0\u6b64\u8fd0\u884c\u7684\u5176\u4f59\u90e8\u5206\u5b8c\u6574\u8ba1\u7b97\u3002',
  "Memory ran out, so the caches were dropped and the rest of the run was computed in full.":
    '\u5185\u5b58\u4e0d\u8db3\uff0c\u56e0\u6b64\u5df2\u91ca\u653e\u7f13\u5b58\uff0c\u8fd0\u884c\u7684\u5176\u4f59\u90e8\u5206\u5b8c\u6574\u8ba1\u7b97\u3002',
  "No attention call of the model reached the plan, so that nothing was saved.":
    '\u6a21\u578b\u7684\u6ce8\u610f\u529b\u8c03\u7528\u6ca1\u6709\u4e00\u6b21\u5230\u8fbe\u65b9\u6848\uff0c\u56e0\u6b64\u6ca1\u6709\u8282\u7701\u4efb\u4f55\u8ba1\u7b97\u3002',
  "No attention call of the run can be compressed, since {reason}: nothing was measured.":
    '\u672c\u6b21\u8fd0\u884c\u6ca1\u6709\u53ef\u538b\u7f29\u7684\u6ce8\u610f\u529b\u8ba1\u7b97\uff0c\u539f\u56e0\uff1a{reason}\u3002\u6ca1\u6709\u6d4b\u91cf\u3002',
  "No attention was found in this model, so the run was made with full attention.":
    '\u6b64\u6a21\u578b\u4e2d\u672a\u627e\u5230\u6ce8\u610f\u529b\uff0c\u56e0\u6b64\u672c\u6b21\u8fd0\u884c\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "No compression plan is applied to this model: connect the model that Apply Compression Plan puts out.":
    '\u6b64\u6a21\u578b\u6ca1\u6709\u5e94\u7528\u538b\u7f29\u65b9\u6848\uff1a\u8bf7\u8fde\u63a5“\u5e94\u7528\u538b\u7f29\u65b9\u6848”\u8f93\u51fa\u7684\u6a21\u578b\u3002',
  "No milliseconds were measured with this calibration: calibrate again.":
    '\u6b64\u6821\u51c6\u6ca1\u6709\u6d4b\u91cf\u6beb\u79d2\uff1a\u8bf7\u91cd\u65b0\u6821\u51c6\u3002',
  "Nothing of the layer, or not all that is computed of it, is planned in INT8.":
    '\u8be5\u5c42\u6ca1\u6709\u4efb\u4f55\u90e8\u5206\uff0c\u6216\u5e76\u975e\u5176\u6240\u8ba1\u7b97\u7684\u5168\u90e8\uff0c\u6309\u65b9\u6848\u4ee5 INT8 \u8ba1\u7b97\u3002',
  "Nothing to compare: this model follows no plan. Put Apply Compression Plan between the model and this node, with a level other than off.":
    '\u6ca1\u6709\u53ef\u6bd4\u8f83\u7684\uff1a\u6b64\u6a21\u578b\u6ca1\u6709\u65b9\u6848\u3002\u8bf7\u5c06“\u5e94\u7528\u538b\u7f29\u65b9\u6848”\u653e\u5728\u6a21\u578b\u4e0e\u672c\u8282\u70b9\u4e4b\u95f4\uff0c\u7b49\u7ea7\u4e0d\u8bbe\u4e3a off\u3002',
  "Nothing to compare: this run followed no plan, and Apply Compression Plan says why.":
    '\u6ca1\u6709\u53ef\u6bd4\u8f83\u7684\uff1a\u672c\u6b21\u8fd0\u884c\u6ca1\u6709\u6309\u65b9\u6848\u8fdb\u884c\uff0c\u539f\u56e0\u89c1“\u5e94\u7528\u538b\u7f29\u65b9\u6848”\u3002',
  "Nothing to compare: {why}":
    '\u6ca1\u6709\u53ef\u6bd4\u8f83\u7684\uff1a{why}',
  "Nothing to save.":
    '\u6ca1\u6709\u53ef\u8282\u7701\u7684\u3002',
  "Nothing was measured again: {why}. {remedy}":
    '\u6ca1\u6709\u91cd\u65b0\u6d4b\u91cf\uff1a{why}\u3002{remedy}',
  "Nothing was measured: {why}.":
    '\u6ca1\u6709\u6d4b\u5f97\u4efb\u4f55\u7ed3\u679c\uff1a{why}\u3002',
  "Off: full attention at every step.":
    '\u5173\u95ed\uff1a\u6bcf\u4e00\u6b65\u90fd\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "On a GeForce GPU from RTX 30 on, level {level} would compute {part} of the heads that it computes in INT8 and take {there} of full attention's work instead of {here}.":
    '\u5728 RTX 30 \u53ca\u66f4\u65b0\u7684 GeForce GPU \u4e0a\uff0c\u7b49\u7ea7 {level} \u4f1a\u4ee5 INT8 \u8ba1\u7b97\u5176\u6240\u8ba1\u7b97\u7684\u5934\u4e2d\u7684 {part}\uff0c\u8ba1\u7b97\u91cf\u4e3a\u5b8c\u6574\u6ce8\u610f\u529b\u7684 {there}\uff0c\u800c\u975e {here}\u3002',
  "One step fewer of {steps} would save {saved}.":
    '\u5728 {steps} \u6b65\u4e2d\u5c11\u91c7\u6837\u4e00\u6b65\u53ef\u8282\u7701 {saved}\u3002',
  "Open-Sora needs a prompt of T5-XXL (CLIPLoader, type pixart), through Open-Sora Conditioning.":
    'Open-Sora \u9700\u8981\u7528 T5-XXL \u7f16\u7801\u7684\u63d0\u793a\u8bcd\uff08CLIPLoader\uff0c\u7c7b\u578b\u4e3a pixart\uff09\uff0c\u5e76\u7ecf\u8fc7\u201cOpen-Sora \u6761\u4ef6\u201d\u3002',
  "Outside the part of the noise schedule that the plan was measured on, attention runs in full: {outside} of {steps} steps.":
    '\u5728\u65b9\u6848\u6240\u6d4b\u91cf\u7684\u566a\u58f0\u8c03\u5ea6\u90e8\u5206\u4e4b\u5916\uff0c\u6ce8\u610f\u529b\u5b8c\u6574\u8ba1\u7b97\uff1a{steps} \u6b65\u4e2d\u7684 {outside} \u6b65\u3002',
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed, predicted error {error}.":
    '\u6b63\u5728\u4f7f\u7528\u65b9\u6848 {id}\uff1a{level}\uff0c\u8ba1\u7b97\u6ce8\u610f\u529b\u7684 {attention}\u3001\u603b\u8ba1\u7b97\u91cf\u7684 {model}\uff0c\u9884\u6d4b\u8bef\u5dee {error}\u3002',
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed; no error is predicted for a run like this one.":
    '\u65b9\u6848 {id} \u4f7f\u7528\u4e2d\uff1a{level}\uff0c\u8ba1\u7b97\u4e86 {attention} \u7684\u6ce8\u610f\u529b\u548c {model} \u7684\u5168\u90e8\u5de5\u4f5c\uff1b\u5bf9\u8fd9\u6837\u7684\u8fd0\u884c\u4e0d\u9884\u6d4b\u8bef\u5dee\u3002',
  "Plan {id} in use: {level}; it is not known what it saved.":
    '\u65b9\u6848 {id} \u4f7f\u7528\u4e2d\uff1a{level}\uff1b\u4e0d\u77e5\u9053\u5b83\u8282\u7701\u4e86\u591a\u5c11\u3002',
  "Plan {id} made in this run. From now on {level}: {attention} of attention and {model} of all work computed, predicted error {error}.":
    '\u672c\u6b21\u8fd0\u884c\u751f\u6210\u4e86\u65b9\u6848 {id}\u3002\u4eca\u540e\u4f7f\u7528 {level}\uff1a\u8ba1\u7b97\u6ce8\u610f\u529b\u7684 {attention}\u3001\u603b\u8ba1\u7b97\u91cf\u7684 {model}\uff0c\u9884\u6d4b\u8bef\u5dee {error}\u3002',
  "Queries, keys and values differ in shape, and the Triton kernel serves self-attention.":
    '\u67e5\u8be2\u3001\u952e\u548c\u503c\u7684\u5f62\u72b6\u4e0d\u540c\uff0c\u800c Triton \u5185\u6838\u7528\u4e8e\u81ea\u6ce8\u610f\u529b\u3002',
  "Runs could not be measured ({why}), and are no longer watched. {remedy}":
    '\u65e0\u6cd5\u6d4b\u91cf\u8fd0\u884c\uff08{why}\uff09\uff0c\u56e0\u6b64\u4e0d\u518d\u89c2\u6d4b\u3002{remedy}',
  "Sharing cannot save more than all of a layer's attention.":
    '\u5171\u4eab\u6240\u7701\u4e0d\u80fd\u8d85\u8fc7\u4e00\u5c42\u7684\u5168\u90e8\u6ce8\u610f\u529b\u3002',
  "Solved in {time}, at most {gap} of the work from the best possible plan.":
    '\u6c42\u89e3\u7528\u65f6 {time}\uff0c\u4e0e\u6700\u4f73\u65b9\u6848\u76f8\u5dee\u81f3\u591a {gap} \u7684\u8ba1\u7b97\u91cf\u3002',
  "That is the work of {count} of {steps} steps.":
    '\u8fd9\u76f8\u5f53\u4e8e {steps} \u6b65\u4e2d {count} \u6b65\u7684\u8ba1\u7b97\u91cf\u3002',
  "The CFG is not a finite number ({cfg}): set it to another.":
    'CFG \u4e0d\u662f\u6709\u9650\u6570\uff08{cfg}\uff09\uff1a\u8bf7\u6539\u4e3a\u5176\u4ed6\u503c\u3002',
  "The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0.":
    'GPU \u7684\u8ba1\u7b97\u80fd\u529b\u4e3a {major}.{minor}\uff0c\u800c Triton \u5185\u6838\u9700\u8981 8.0\u3002',
  "The Hopper kernel has no bands; the pointer kernel has.":
    'Hopper \u5185\u6838\u6ca1\u6709\u6761\u5e26\uff1bpointer \u5185\u6838\u6709\u3002',
  "The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel.":
    'Hopper \u5185\u6838\u5df2\u5173\u95ed\uff0c\u6216\u5728\u6b64 GPU \u4e0a\u7684\u8bd5\u8fd0\u884c\u9009\u62e9\u4e86 pointer \u5185\u6838\u3002',
  "The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.":
    'Hopper \u5185\u6838\u65e0\u6cd5\u8bfb\u53d6\u6ce8\u610f\u529b\u5934\u6216\u6279\u6b21\u9879\u5728\u5185\u5b58\u4e2d\u91cd\u590d\u7684\u5f20\u91cf\u3002',
  "The Hopper kernel runs on GPUs of compute capability 9.0 only.":
    'Hopper \u5185\u6838\u53ea\u80fd\u5728\u8ba1\u7b97\u80fd\u529b\u4e3a 9.0 \u7684 GPU \u4e0a\u8fd0\u884c\u3002',
  "The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12.":
    'INT8 \u5185\u6838\u9002\u7528\u4e8e\u8ba1\u7b97\u80fd\u529b\u4e3a 8.0\u30018.6\u30018.9 \u548c 12 \u7684 NVIDIA GPU\u3002',
  "The INT8 kernel is switched off.":
    'INT8 \u5185\u6838\u5df2\u5173\u95ed\u3002',
  "The INT8 kernel was tried on this GPU and differs by {difference} % from the 16-bit kernel, more than {allowed} %.":
    'INT8 \u5185\u6838\u5df2\u5728\u6b64 GPU \u4e0a\u8bd5\u8fd0\u884c\uff0c\u4e0e 16 \u4f4d\u5185\u6838\u76f8\u5dee {difference} %\uff0c\u8d85\u8fc7 {allowed} %\u3002',
  "The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {fused} ms against {usual} ms.":
    'INT8 \u5185\u6838\u5df2\u5728\u6b64 GPU \u4e0a\u8bd5\u8fd0\u884c\uff0c\u5e76\u4e0d\u6bd4 16 \u4f4d\u5185\u6838\u5feb\uff1a{fused} \u6beb\u79d2\u5bf9 {usual} \u6beb\u79d2\u3002',
  "The Triton kernel computes in float16 and bfloat16, not in {dtype}.":
    'Triton \u5185\u6838\u4ee5 float16 \u548c bfloat16 \u8ba1\u7b97\uff0c\u4e0d\u652f\u6301 {dtype}\u3002',
  "The Triton kernel computes no head by {way}.":
    'Triton \u5185\u6838\u4e0d\u652f\u6301\u6309“{way}”\u8ba1\u7b97\u6ce8\u610f\u529b\u5934\u3002',
  "The Triton kernel failed its trial on this GPU: {kind}: {error}.":
    'Triton \u5185\u6838\u5728\u6b64 GPU \u4e0a\u7684\u8bd5\u8fd0\u884c\u5931\u8d25\uff1a{kind}: {error}\u3002',
  "The Triton kernel has windows over one grid, and reference pictures have grids of their own.":
    'Triton \u5185\u6838\u7684\u7a97\u53e3\u53ea\u652f\u6301\u5355\u4e2a\u7f51\u683c\uff0c\u800c\u53c2\u8003\u56fe\u50cf\u6709\u5404\u81ea\u7684\u7f51\u683c\u3002',
  "The Triton kernel is switched off by {switch}=0.":
    'Triton \u5185\u6838\u5df2\u7531 {switch}=0 \u5173\u95ed\u3002',
  "The Triton kernel needs a positive scale, not {scale}.":
    'Triton \u5185\u6838\u9700\u8981\u6b63\u7684\u7f29\u653e\u7cfb\u6570\uff0c\u800c\u4e0d\u662f {scale}\u3002',
  "The Triton kernel runs on CUDA and ROCm devices, not on {device}.":
    'Triton \u5185\u6838\u5728 CUDA \u548c ROCm \u8bbe\u5907\u4e0a\u8fd0\u884c\uff0c\u4e0d\u652f\u6301 {device}\u3002',
  "The Triton kernel takes queries, keys and values of four axes.":
    'Triton \u5185\u6838\u63a5\u53d7\u56db\u4e2a\u8f74\u7684\u67e5\u8be2\u3001\u952e\u548c\u503c\u3002',
  "The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete {file} to try it again.":
    'Triton \u5185\u6838\u5728\u6b64 GPU \u4e0a\u8bd5\u8fd0\u884c\u65f6\u66fe\u4f7f ComfyUI \u6216\u9a71\u52a8\u7a0b\u5e8f\u5d29\u6e83\uff0c\u56e0\u6b64\u4e0d\u518d\u4f7f\u7528\uff1b\u5220\u9664 {file} \u53ef\u518d\u6b21\u5c1d\u8bd5\u3002',
  "The Triton kernel takes windows or bands in one layer, not both.":
    'Triton \u5185\u6838\u5728\u4e00\u5c42\u4e2d\u53ea\u63a5\u53d7\u7a97\u53e3\u6216\u6761\u5e26\uff0c\u4e0d\u80fd\u4e24\u8005\u5e76\u7528\u3002',
  "The Triton kernel was tried on this GPU and differs by {difference} % from the tiled path, more than {allowed} %.":
    'Triton \u5185\u6838\u5df2\u5728\u6b64 GPU \u4e0a\u8bd5\u8fd0\u884c\uff0c\u4e0e\u5206\u5757\u8def\u5f84\u76f8\u5dee {difference} %\uff0c\u8d85\u8fc7 {allowed} %\u3002',
  "The Triton kernel was tried on this GPU and is no faster than the tiled path: {fused} ms against {tiled} ms.":
    'Triton \u5185\u6838\u5df2\u5728\u6b64 GPU \u4e0a\u8bd5\u8fd0\u884c\uff0c\u5e76\u4e0d\u6bd4\u5206\u5757\u8def\u5f84\u5feb\uff1a{fused} \u6beb\u79d2\u5bf9 {tiled} \u6beb\u79d2\u3002',
  "The Triton kernel's list of key blocks for {tokens} tokens would be too large.":
    '\u5bf9\u4e8e {tokens} \u4e2a token\uff0cTriton \u5185\u6838\u7684\u952e\u5757\u5217\u8868\u4f1a\u8fc7\u5927\u3002',
  "The cache budget was reached, so some heads were computed again instead of reused; raise the budget of Apply Compression Plan or choose a milder level.":
    '\u5df2\u8fbe\u5230\u7f13\u5b58\u4e0a\u9650\uff0c\u56e0\u6b64\u90e8\u5206\u6ce8\u610f\u529b\u5934\u91cd\u65b0\u8ba1\u7b97\u800c\u672a\u590d\u7528\uff1a\u8bf7\u63d0\u9ad8“\u5e94\u7528\u538b\u7f29\u65b9\u6848”\u7684\u7f13\u5b58\u4e0a\u9650\uff0c\u6216\u9009\u62e9\u66f4\u6e29\u548c\u7684\u7b49\u7ea7\u3002',
  "The calibration does not have the layers of the connected model: calibrate again.":
    '\u6821\u51c6\u6570\u636e\u4e0e\u6240\u8fde\u63a5\u6a21\u578b\u7684\u5c42\u4e0d\u7b26\uff1a\u8bf7\u91cd\u65b0\u6821\u51c6\u3002',
  "The calibration runs do not belong together: their noise levels differ.":
    '\u5404\u6b21\u6821\u51c6\u8fd0\u884c\u4e92\u4e0d\u76f8\u7b26\uff1a\u566a\u58f0\u6c34\u5e73\u4e0d\u540c\u3002',
  "The calibration runs do not belong together: their steps, layers or ways differ.":
    '\u5404\u6b21\u6821\u51c6\u8fd0\u884c\u4e92\u4e0d\u76f8\u7b26\uff1a\u6b65\u6570\u3001\u5c42\u6216\u8ba1\u7b97\u65b9\u5f0f\u4e0d\u540c\u3002',
  "The calibration's inner products of evaluations must be finite, one for each two noise levels.":
    '\u6821\u51c6\u6570\u636e\u4e2d\u5404\u6b21\u8ba1\u7b97\u7684\u5185\u79ef\u5fc5\u987b\u662f\u6709\u9650\u6570\uff0c\u6bcf\u4e24\u4e2a\u566a\u58f0\u6c34\u5e73\u4e00\u4e2a\u3002',
  "The calibration's noise levels must descend.":
    '\u6821\u51c6\u6570\u636e\u4e2d\u7684\u566a\u58f0\u6c34\u5e73\u5fc5\u987b\u9012\u51cf\u3002',
  "The calibration's {what} has shape {found}, expected {expected}.":
    '\u6821\u51c6\u6570\u636e\u7684 {what} \u5f62\u72b6\u4e3a {found}\uff0c\u5e94\u4e3a {expected}\u3002',
  "The calibration's {what} must be finite.":
    '\u6821\u51c6\u6570\u636e\u7684 {what} \u5fc5\u987b\u662f\u6709\u9650\u6570\u3002',
  "The calibration's {what} must not be negative.":
    '\u6821\u51c6\u6570\u636e\u7684 {what} \u4e0d\u80fd\u4e3a\u8d1f\u3002',
  "The error to stay below, or the fraction of attention to keep, must not be negative.":
    '\u8bef\u5dee\u4e0a\u9650\u6216\u8981\u4fdd\u7559\u7684\u6ce8\u610f\u529b\u6bd4\u4f8b\u4e0d\u80fd\u4e3a\u8d1f\u3002',
  "The fused kernels need rows of neighbouring elements that start on 16 bytes.":
    '\u878d\u5408\u5185\u6838\u8981\u6c42\u6bcf\u884c\u5143\u7d20\u8fde\u7eed\u4e14\u8d77\u59cb\u5730\u5740\u6309 16 \u5b57\u8282\u5bf9\u9f50\u3002',
  "The gain of reuse must be finite and above 0.":
    '\u590d\u7528\u7684\u6536\u76ca\u5fc5\u987b\u662f\u5927\u4e8e 0 \u7684\u6709\u9650\u6570\u3002',
  "The guard could not check a layer ({error}) and was off from then on.":
    '\u5b88\u62a4\u65e0\u6cd5\u68c0\u67e5\u67d0\u4e00\u5c42\uff08{error}\uff09\uff0c\u6b64\u540e\u5df2\u5173\u95ed\u3002',
  "The guard was off: this plan does not say what error it expects of each layer. Calibrate again.":
    '\u5b88\u62a4\u672a\u542f\u7528\uff1a\u6b64\u65b9\u6848\u6ca1\u6709\u8bf4\u660e\u5404\u5c42\u7684\u9884\u671f\u8bef\u5dee\u3002\u8bf7\u91cd\u65b0\u6821\u51c6\u3002',
  "The guider combines its branches in a way of its own, so none serves another.":
    '\u5f15\u5bfc\u5668\u4ee5\u81ea\u5df1\u7684\u65b9\u5f0f\u5408\u5e76\u5404\u5206\u652f\uff0c\u56e0\u6b64\u5206\u652f\u4e4b\u95f4\u4e0d\u5171\u4eab\u7ed3\u679c\u3002',
  "The guider runs a second model, which is computed in full and takes no part in the plan.":
    '\u5f15\u5bfc\u5668\u8fd8\u8fd0\u884c\u7b2c\u4e8c\u4e2a\u6a21\u578b\uff0c\u5b83\u5b8c\u6574\u8ba1\u7b97\uff0c\u4e0d\u53c2\u4e0e\u65b9\u6848\u3002',
  "The head size is {size}, and the Triton kernel has {sizes}.":
    '\u6ce8\u610f\u529b\u5934\u7684\u5927\u5c0f\u4e3a {size}\uff0c\u800c Triton \u5185\u6838\u652f\u6301 {sizes}\u3002',
  "The level 'custom' has one budget: set keep_work or keep_attention to 0.":
    '\u7b49\u7ea7 custom \u53ea\u6709\u4e00\u4e2a\u9884\u7b97\uff1a\u8bf7\u5c06 keep_work \u6216 keep_attention \u8bbe\u4e3a 0\u3002',
  "The level 'custom' is a budget that DiTFastAttn Calibrate plans for: connect one with keep_work or keep_attention set, or choose one of the other levels.":
    '\u7b49\u7ea7 custom \u662f\u7531“DiTFastAttn \u6821\u51c6”\u89c4\u5212\u7684\u9884\u7b97\uff1a\u8bf7\u8fde\u63a5\u4e00\u4e2a\u8bbe\u5b9a\u4e86 keep_work \u6216 keep_attention \u7684\u8282\u70b9\uff0c\u6216\u9009\u62e9\u5176\u4ed6\u7b49\u7ea7\u3002',
  "The linked measurements do not belong together with this node's, they differ in {names}: give all Calibrate nodes of a chain the same model, size and sampler settings.":
    '\u6240\u8fde\u63a5\u7684\u6d4b\u91cf\u6570\u636e\u4e0e\u672c\u8282\u70b9\u7684\u4e0d\u76f8\u7b26\uff0c\u5dee\u5f02\u5728\u4e8e {names}\uff1a\u8bf7\u4e3a\u540c\u4e00\u4e32\u4e2d\u7684\u6240\u6709\u6821\u51c6\u8282\u70b9\u8bbe\u7f6e\u76f8\u540c\u7684\u6a21\u578b\u3001\u5c3a\u5bf8\u548c\u91c7\u6837\u8bbe\u7f6e\u3002',
  "The linked measurements hold no milliseconds: set price to milliseconds in all Calibrate nodes of a chain.":
    '\u6240\u8fde\u63a5\u7684\u6d4b\u91cf\u6570\u636e\u4e0d\u542b\u6beb\u79d2\uff1a\u8bf7\u5c06\u540c\u4e00\u4e32\u4e2d\u6240\u6709\u6821\u51c6\u8282\u70b9\u7684“\u8ba1\u4ef7”\u8bbe\u4e3a milliseconds\u3002',
  "The model has not been sampled yet: connect the latent of the sampler.":
    '\u6a21\u578b\u5c1a\u672a\u91c7\u6837\uff1a\u8bf7\u8fde\u63a5\u91c7\u6837\u5668\u7684 Latent\u3002',
  "The model is split over several GPUs, so attention ran in full.":
    '\u6a21\u578b\u5206\u5e03\u5728\u591a\u4e2a GPU \u4e0a\uff0c\u56e0\u6b64\u6ce8\u610f\u529b\u5b8c\u6574\u8ba1\u7b97\u3002',
  "The model's output was not finite (NaN or infinite) at step {step} of {steps}, so there is nothing to measure: try another precision, CFG or sampler.":
    '\u6a21\u578b\u7684\u8f93\u51fa\u5728\u7b2c {step} / {steps} \u6b65\u4e0d\u662f\u6709\u9650\u6570\uff08NaN \u6216\u65e0\u7a77\uff09\uff0c\u56e0\u6b64\u65e0\u6cd5\u6d4b\u91cf\uff1a\u8bf7\u5c1d\u8bd5\u5176\u4ed6\u7cbe\u5ea6\u3001CFG \u6216\u91c7\u6837\u5668\u3002',
  "The next run is watched.":
    '\u4e0b\u4e00\u6b21\u8fd0\u884c\u4f1a\u88ab\u89c2\u6d4b\u3002',
  "The next run is watched: its picture is the full one, and every run after it is compressed.":
    '\u4e0b\u4e00\u6b21\u8fd0\u884c\u4f1a\u88ab\u89c2\u6d4b\uff1a\u8be5\u56fe\u50cf\u4e3a\u5b8c\u6574\u7ed3\u679c\uff0c\u4e4b\u540e\u7684\u6bcf\u6b21\u8fd0\u884c\u90fd\u4f1a\u88ab\u538b\u7f29\u3002',
  "The noise levels (sigmas) hold {level}, which is no finite number.":
    '\u566a\u58f0\u6c34\u5e73\uff08sigmas\uff09\u4e2d\u542b\u6709 {level}\uff0c\u5b83\u4e0d\u662f\u6709\u9650\u6570\u3002',
  "The papers' methods decide while they sample and leave no measurements: set the linked DiTFastAttn Calibrate to the method 'one run'.":
    '\u8bba\u6587\u7684\u65b9\u6cd5\u5728\u91c7\u6837\u65f6\u4f5c\u51fa\u51b3\u5b9a\uff0c\u4e0d\u7559\u4e0b\u6d4b\u91cf\u6570\u636e\uff1a\u8bf7\u5c06\u6240\u8fde\u63a5\u7684“DiTFastAttn \u6821\u51c6”\u7684\u65b9\u6cd5\u8bbe\u4e3a one run\u3002',
  "The papers' methods know no budget and only one prompt and seed, and their errors are measured already: with them, set runs to 1, keep_work, keep_attention and max_cache_mib to 0, price to FLOPs and verify to off, and leave measurements unconnected.":
    '\u8bba\u6587\u7684\u65b9\u6cd5\u4e0d\u652f\u6301\u9884\u7b97\uff0c\u53ea\u7528\u4e00\u6761\u63d0\u793a\u8bcd\u548c\u4e00\u4e2a\u79cd\u5b50\uff0c\u8bef\u5dee\u4e5f\u5df2\u6d4b\u5f97\uff1a\u4f7f\u7528\u5b83\u4eec\u65f6\uff0c\u8bf7\u5c06 runs \u8bbe\u4e3a 1\uff0ckeep_work\u3001keep_attention \u548c max_cache_mib \u8bbe\u4e3a 0\uff0cprice \u8bbe\u4e3a FLOPs\uff0cverify \u8bbe\u4e3a off\uff0c\u5e76\u4e14\u4e0d\u8981\u8fde\u63a5 measurements\u3002',
  "The picture is made with full attention.":
    '\u8be5\u56fe\u50cf\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u751f\u6210\u3002',
  "The plan computes heads in a way that this version of the pack does not know ({error}): update DiTFastAttn, or run DiTFastAttn Calibrate on this model.":
    '\u65b9\u6848\u4f7f\u7528\u4e86\u6b64\u7248\u672c\u8282\u70b9\u5305\u4e0d\u8ba4\u8bc6\u7684\u8ba1\u7b97\u65b9\u5f0f\uff08{error}\uff09\uff1a\u8bf7\u66f4\u65b0 DiTFastAttn\uff0c\u6216\u5bf9\u6b64\u6a21\u578b\u8fd0\u884c“DiTFastAttn \u6821\u51c6”\u3002',
  "The plan could not be started ({error}), so the run was made with full attention.":
    '\u65b9\u6848\u65e0\u6cd5\u542f\u52a8\uff08{error}\uff09\uff0c\u56e0\u6b64\u672c\u6b21\u8fd0\u884c\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "The plan gives a {name} to a noise level that does not follow a forecast one.":
    '\u65b9\u6848\u4e3a\u4e00\u4e2a\u5e76\u975e\u7d27\u8ddf\u5728\u9884\u6d4b\u4e4b\u540e\u7684\u566a\u58f0\u6c34\u5e73\u7ed9\u51fa\u4e86 {name}\u3002',
  "The plan gives {names} of forecasts at a level that has none.":
    '\u65b9\u6848\u4e3a\u4e00\u4e2a\u6ca1\u6709\u9884\u6d4b\u7684\u7b49\u7ea7\u7ed9\u51fa\u4e86\u9884\u6d4b\u7684 {names}\u3002',
  "The plan has no level 'custom': set keep_work or keep_attention in DiTFastAttn Calibrate, or choose one of {levels}.":
    '\u65b9\u6848\u6ca1\u6709\u7b49\u7ea7 custom\uff1a\u8bf7\u5728“DiTFastAttn \u6821\u51c6”\u4e2d\u8bbe\u5b9a keep_work \u6216 keep_attention\uff0c\u6216\u9009\u62e9 {levels} \u4e4b\u4e00\u3002',
  "The plan has no level {levels}: its text would be too long.":
    '\u65b9\u6848\u6ca1\u6709\u7b49\u7ea7 {levels}\uff1a\u5176\u6587\u672c\u4f1a\u8fc7\u957f\u3002',
  "The plan has no level {name}; it has {levels}.":
    '\u65b9\u6848\u6ca1\u6709\u7b49\u7ea7 {name}\uff1b\u5b83\u6709 {levels}\u3002',
  "The plan holds a number that is not finite.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u4e2a\u6570\u4e0d\u662f\u6709\u9650\u6570\u3002',
  "The plan holds a number that is too long.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u4e2a\u6570\u8fc7\u957f\u3002',
  "The plan is not complete: it lacks {key}.":
    '\u65b9\u6848\u4e0d\u5b8c\u6574\uff1a\u7f3a\u5c11 {key}\u3002',
  "The plan is of a version that does not exist.":
    '\u65b9\u6848\u7684\u7248\u672c\u4e0d\u5b58\u5728\u3002',
  "The plan lacks its model or its measurement.":
    '\u65b9\u6848\u7f3a\u5c11\u6a21\u578b\u6216\u6d4b\u91cf\u4fe1\u606f\u3002',
  "The plan must evaluate the model at the first noise level.":
    '\u65b9\u6848\u5fc5\u987b\u5728\u7b2c\u4e00\u4e2a\u566a\u58f0\u6c34\u5e73\u4e0a\u8fd0\u884c\u6a21\u578b\u3002',
  "The plan names one layer twice.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u5c42\u51fa\u73b0\u4e86\u4e24\u6b21\u3002',
  "The plan names one level twice.":
    '\u65b9\u6848\u4e2d\u6709\u4e00\u4e2a\u7b49\u7ea7\u51fa\u73b0\u4e86\u4e24\u6b21\u3002',
  "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came.":
    '\u65b9\u6848\u5728\u751f\u6210\u4e4b\u540e\u88ab\u4fee\u6539\u6216\u635f\u574f\uff1a\u8bf7\u91cd\u65b0\u6821\u51c6\uff0c\u6216\u4ece\u6765\u6e90\u5904\u91cd\u65b0\u83b7\u53d6\u3002',
  "The plan was made by a newer version of DiTFastAttn: update the node pack to use it.":
    '\u65b9\u6848\u7531\u66f4\u65b0\u7248\u672c\u7684 DiTFastAttn \u751f\u6210\uff1a\u8bf7\u66f4\u65b0\u8282\u70b9\u5305\u540e\u4f7f\u7528\u3002',
  "The plan's heads must be given as texts, one for each layer.":
    '\u65b9\u6848\u7684\u6ce8\u610f\u529b\u5934\u5fc5\u987b\u4ee5\u6587\u672c\u7ed9\u51fa\uff0c\u6bcf\u5c42\u4e00\u6bb5\u3002',
  "The plan's layers must each have a name and a head count.":
    '\u65b9\u6848\u7684\u6bcf\u4e00\u5c42\u90fd\u5fc5\u987b\u6709\u540d\u79f0\u548c\u6ce8\u610f\u529b\u5934\u6570\u3002',
  "The plan's level expects errors of {count} of {layers} layers; it must be all or none.":
    '\u65b9\u6848\u7684\u7b49\u7ea7\u7ed9\u51fa\u4e86 {layers} \u5c42\u4e2d {count} \u5c42\u7684\u9884\u671f\u8bef\u5dee\uff1b\u5fc5\u987b\u5168\u90e8\u7ed9\u51fa\u6216\u5168\u4e0d\u7ed9\u51fa\u3002',
  "The plan's levels are not complete.":
    '\u65b9\u6848\u7684\u7b49\u7ea7\u4e0d\u5b8c\u6574\u3002',
  "The plan's marks of evaluated noise levels must be a text of 0 and 1.":
    '\u65b9\u6848\u4e2d\u6807\u8bb0\u8fd0\u884c\u6a21\u578b\u7684\u566a\u58f0\u6c34\u5e73\u7684\u6587\u672c\u5fc5\u987b\u7531 0 \u548c 1 \u7ec4\u6210\u3002',
  "The plan's marks of pooled windows must be a text with one 0 or 1 for each of them.":
    '\u65b9\u6848\u4e2d\u6807\u8bb0\u6c60\u5316\u7a97\u53e3\u7684\u6587\u672c\u5fc5\u987b\u4e3a\u6bcf\u4e2a\u7a97\u53e3\u7ed9\u51fa\u4e00\u4e2a 0 \u6216 1\u3002',
  "The plan's model fingerprint must be 16 hexadecimal digits.":
    '\u65b9\u6848\u7684\u6a21\u578b\u6307\u7eb9\u5fc5\u987b\u662f 16 \u4f4d\u5341\u516d\u8fdb\u5236\u6570\u5b57\u3002',
  "The plan's noise positions must descend, each below the one before.":
    '\u65b9\u6848\u7684\u566a\u58f0\u4f4d\u7f6e\u5fc5\u987b\u4f9d\u6b21\u9012\u51cf\u3002',
  "The plan's paths must be texts of 1 to {most} letters.":
    '\u65b9\u6848\u7684\u8def\u5f84\u5fc5\u987b\u662f 1 \u5230 {most} \u4e2a\u5b57\u6bcd\u7684\u6587\u672c\u3002',
  "The plan's references must have grids of as many axes as its token grid.":
    '\u65b9\u6848\u7684\u53c2\u8003\u56fe\u50cf\u7f51\u683c\u5fc5\u987b\u4e0e\u5176 token \u7f51\u683c\u5177\u6709\u76f8\u540c\u7684\u8f74\u6570\u3002',
  "The plan's references to profiles are damaged.":
    '\u65b9\u6848\u4e2d\u5bf9\u914d\u7f6e\u7684\u5f15\u7528\u5df2\u635f\u574f\u3002',
  "The plan's run was sampled twice: the first one had the GPU's kernels to compile.":
    '\u4f7f\u7528\u65b9\u6848\u7684\u8fd0\u884c\u91c7\u6837\u4e86\u4e24\u6b21\uff1a\u7b2c\u4e00\u6b21\u9700\u8981\u7f16\u8bd1 GPU \u5185\u6838\u3002',
  "The plan's seeds must be numbers written as text.":
    '\u65b9\u6848\u7684\u79cd\u5b50\u5fc5\u987b\u662f\u4ee5\u6587\u672c\u4e66\u5199\u7684\u6570\u5b57\u3002',
  "The plan's sharing and its evaluated noise levels must be given as texts.":
    '\u65b9\u6848\u7684\u5171\u4eab\u6807\u8bb0\u548c\u8fd0\u884c\u6a21\u578b\u7684\u566a\u58f0\u6c34\u5e73\u5fc5\u987b\u4ee5\u6587\u672c\u7ed9\u51fa\u3002',
  "The plan's sharing must be given as texts of 0 and 1.":
    '\u65b9\u6848\u7684\u5171\u4eab\u6807\u8bb0\u5fc5\u987b\u662f\u7531 0 \u548c 1 \u7ec4\u6210\u7684\u6587\u672c\u3002',
  "The plan's text would be {length} characters long, at most {most} are allowed: calibrate with fewer steps.":
    '\u65b9\u6848\u7684\u6587\u672c\u5c06\u6709 {length} \u4e2a\u5b57\u7b26\uff0c\u6700\u591a\u5141\u8bb8 {most} \u4e2a\uff1a\u8bf7\u7528\u66f4\u5c11\u7684\u6b65\u6570\u6821\u51c6\u3002',
  "The plan's ways must each have a kind and parameters.":
    '\u65b9\u6848\u7684\u6bcf\u79cd\u8ba1\u7b97\u65b9\u5f0f\u90fd\u5fc5\u987b\u6709\u7c7b\u578b\u548c\u53c2\u6570\u3002',
  "The plan's ways must give {axes} fractions of the grid, one per axis.":
    '\u65b9\u6848\u7684\u8ba1\u7b97\u65b9\u5f0f\u5fc5\u987b\u7ed9\u51fa\u7f51\u683c\u7684 {axes} \u4e2a\u6bd4\u4f8b\uff0c\u6bcf\u4e2a\u8f74\u4e00\u4e2a\u3002',
  "The plan's {names} must be one for each noise level.":
    '\u65b9\u6848\u7684 {names} \u5fc5\u987b\u6bcf\u4e2a\u566a\u58f0\u6c34\u5e73\u4e00\u4e2a\u3002',
  "The plan's {what} must be 1 to 120 letters, digits, dots, dashes or underscores.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u987b\u662f 1 \u5230 120 \u4e2a\u5b57\u6bcd\u3001\u6570\u5b57\u3001\u70b9\u3001\u8fde\u5b57\u7b26\u6216\u4e0b\u5212\u7ebf\u3002',
  "The plan's {what} must be a finite number.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u987b\u662f\u6709\u9650\u6570\u3002',
  "The plan's {what} must be a list of {low} to {high} items.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u987b\u662f\u542b {low} \u5230 {high} \u9879\u7684\u5217\u8868\u3002',
  "The plan's {what} must be a number from {low} to {high}.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u987b\u662f {low} \u5230 {high} \u4e4b\u95f4\u7684\u6570\u3002',
  "The plan's {what} must be a whole number from {low} to {high}.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u987b\u662f {low} \u5230 {high} \u4e4b\u95f4\u7684\u6574\u6570\u3002',
  "The plan's {what} must be plain text of at most {longest} characters.":
    '\u65b9\u6848\u7684 {what} \u5fc5\u987b\u662f\u81f3\u591a {longest} \u4e2a\u5b57\u7b26\u7684\u7eaf\u6587\u672c\u3002',
  "The prediction is not met: choose a milder level.":
    '\u672a\u8fbe\u5230\u9884\u6d4b\uff1a\u8bf7\u9009\u62e9\u66f4\u6e29\u548c\u7684\u7b49\u7ea7\u3002',
  "The run could not be prepared ({error}), so it was made with full attention.":
    '\u65e0\u6cd5\u51c6\u5907\u672c\u6b21\u8fd0\u884c\uff08{error}\uff09\uff0c\u56e0\u6b64\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "The run did not finish, so nothing was measured and nothing is kept. The next run is watched.":
    '\u8fd0\u884c\u6ca1\u6709\u5b8c\u6210\uff0c\u56e0\u6b64\u6ca1\u6709\u6d4b\u91cf\uff0c\u4e5f\u6ca1\u6709\u4fdd\u7559\u4efb\u4f55\u7ed3\u679c\u3002\u4e0b\u4e00\u6b21\u8fd0\u884c\u4f1a\u88ab\u89c2\u6d4b\u3002',
  "The run was cancelled.":
    '\u8fd0\u884c\u5df2\u53d6\u6d88\u3002',
  "The run was made with full attention.":
    '\u672c\u6b21\u8fd0\u884c\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\u3002',
  "The sampled latent is not finite (NaN or infinite): see whether it is at level off, too.":
    '\u91c7\u6837\u5f97\u5230\u7684 Latent \u4e0d\u662f\u6709\u9650\u6570\uff08NaN \u6216\u65e0\u7a77\uff09\uff1a\u8bf7\u68c0\u67e5\u7b49\u7ea7\u4e3a off \u65f6\u662f\u5426\u4e5f\u662f\u5982\u6b64\u3002',
  "The sampling run ended without one attention call that can be compressed: nothing was measured.":
    '\u91c7\u6837\u7ed3\u675f\u65f6\u6ca1\u6709\u51fa\u73b0\u4efb\u4f55\u53ef\u538b\u7f29\u7684\u6ce8\u610f\u529b\u8ba1\u7b97\uff1a\u6ca1\u6709\u6d4b\u91cf\u3002',
  "The sampling run ended without one attention call that can be compressed: nothing was searched.":
    '\u91c7\u6837\u7ed3\u675f\u65f6\u6ca1\u6709\u51fa\u73b0\u4efb\u4f55\u53ef\u538b\u7f29\u7684\u6ce8\u610f\u529b\u8ba1\u7b97\uff1a\u6ca1\u6709\u641c\u7d22\u3002',
  "The strongest compression measured still keeps {part} of the attention.":
    '\u6240\u6d4b\u5f97\u7684\u6700\u5f3a\u538b\u7f29\u4ecd\u4fdd\u7559 {part} \u7684\u6ce8\u610f\u529b\u3002',
  "The strongest compression measured still keeps {part} of the work.":
    '\u6240\u6d4b\u5f97\u7684\u6700\u5f3a\u538b\u7f29\u4ecd\u4fdd\u7559 {part} \u7684\u8ba1\u7b97\u91cf\u3002',
  "The text is JSON, but not a DiTFastAttn plan.":
    '\u8be5\u6587\u672c\u662f JSON\uff0c\u4f46\u4e0d\u662f DiTFastAttn \u65b9\u6848\u3002',
  "The text is nested too deeply to be a plan.":
    '\u8be5\u6587\u672c\u5d4c\u5957\u8fc7\u6df1\uff0c\u4e0d\u53ef\u80fd\u662f\u65b9\u6848\u3002',
  "The text is not a plan: it gives one entry twice.":
    '\u8be5\u6587\u672c\u4e0d\u662f\u65b9\u6848\uff1a\u6709\u4e00\u9879\u51fa\u73b0\u4e86\u4e24\u6b21\u3002',
  "The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off.":
    '\u8be5\u6587\u672c\u4e0d\u662f\u65b9\u6848\uff1a\u5b83\u4e0d\u662f\u6709\u6548\u7684 JSON\uff0c\u53ef\u80fd\u6709\u4e00\u90e8\u5206\u88ab\u622a\u65ad\u3002',
  "The text is not a plan: it must be one JSON object.":
    '\u8be5\u6587\u672c\u4e0d\u662f\u65b9\u6848\uff1a\u5b83\u5fc5\u987b\u662f\u4e00\u4e2a JSON \u5bf9\u8c61\u3002',
  "The text is too long for a plan: {length} characters, at most {most} are allowed.":
    '\u8be5\u6587\u672c\u8fc7\u957f\uff0c\u4e0d\u662f\u65b9\u6848\uff1a{length} \u4e2a\u5b57\u7b26\uff0c\u6700\u591a\u5141\u8bb8 {most} \u4e2a\u3002',
  "The work outside attention must be finite and not negative.":
    '\u6ce8\u610f\u529b\u4e4b\u5916\u7684\u8ba1\u7b97\u91cf\u5fc5\u987b\u662f\u6709\u9650\u6570\u4e14\u4e0d\u4e3a\u8d1f\u3002',
  "There is no level 'custom' to verify: set keep_work or keep_attention above 0.":
    '\u6ca1\u6709\u53ef\u68c0\u9a8c\u7684\u7b49\u7ea7 custom\uff1a\u8bf7\u5c06 keep_work \u6216 keep_attention \u8bbe\u4e3a\u5927\u4e8e 0\u3002',
  "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.":
    '\u8fd8\u6ca1\u6709\u65b9\u6848\uff1a\u8bf7\u8fd0\u884c“DiTFastAttn \u6821\u51c6”\uff0c\u6216\u7c98\u8d34\u65b9\u6848\u3002',
  "There is no prompt to sample: connect positive and negative, or a guider.":
    '\u6ca1\u6709\u53ef\u91c7\u6837\u7684\u63d0\u793a\u8bcd\uff1a\u8bf7\u8fde\u63a5\u6b63\u9762\u6761\u4ef6\u548c\u8d1f\u9762\u6761\u4ef6\uff0c\u6216\u8fde\u63a5\u5f15\u5bfc\u5668\u3002',
  "There was not enough GPU memory to try the Triton kernel; it is tried again later.":
    '\u663e\u5b58\u4e0d\u8db3\uff0c\u65e0\u6cd5\u8bd5\u8fd0\u884c Triton \u5185\u6838\uff1b\u7a0d\u540e\u4f1a\u518d\u6b21\u5c1d\u8bd5\u3002',
  "This DiT has {classes} classes, and {label} is none of them.":
    '\u6b64 DiT \u6709 {classes} \u4e2a\u7c7b\u522b\uff0c{label} \u4e0d\u5728\u5176\u4e2d\u3002',
  "This plan was made for a {family} model of another architecture (fingerprint {planned}, the connected model has {connected}): connect that model, or have a new plan made for this one.":
    '\u6b64\u65b9\u6848\u9002\u7528\u4e8e\u53e6\u4e00\u67b6\u6784\u7684 {family} \u6a21\u578b\uff08\u6307\u7eb9 {planned}\uff0c\u6240\u8fde\u63a5\u7684\u6a21\u578b\u4e3a {connected}\uff09\uff1a\u8bf7\u8fde\u63a5\u90a3\u4e2a\u6a21\u578b\uff0c\u6216\u4e3a\u6b64\u6a21\u578b\u751f\u6210\u65b0\u65b9\u6848\u3002',
  "This plan was made for {planned}, but the connected model is {connected}: connect that model, or have a new plan made for this one.":
    '\u6b64\u65b9\u6848\u9002\u7528\u4e8e {planned}\uff0c\u4f46\u6240\u8fde\u63a5\u7684\u6a21\u578b\u662f {connected}\uff1a\u8bf7\u8fde\u63a5\u90a3\u4e2a\u6a21\u578b\uff0c\u6216\u4e3a\u6b64\u6a21\u578b\u751f\u6210\u65b0\u65b9\u6848\u3002',
  "To have one more run watched, set calibrate to 'again'; bypass the node to be rid of this line.":
    '\u82e5\u8981\u518d\u89c2\u6d4b\u4e00\u6b21\u8fd0\u884c\uff0c\u8bf7\u5c06“\u6821\u51c6”\u8bbe\u4e3a again\uff1b\u7ed5\u8fc7\u672c\u8282\u70b9\u5373\u53ef\u4e0d\u518d\u663e\u793a\u6b64\u884c\u3002',
  "Triton does not load: {kind}: {error}.":
    'Triton \u65e0\u6cd5\u8f7d\u5165\uff1a{kind}\uff1a{error}\u3002',
  "Triton is not installed or does not load ({error}).":
    'Triton \u672a\u5b89\u88c5\u6216\u65e0\u6cd5\u8f7d\u5165\uff08{error}\uff09\u3002',
  "Triton is not installed or does not load ({error}); triton-windows would make this faster.":
    'Triton \u672a\u5b89\u88c5\u6216\u65e0\u6cd5\u8f7d\u5165\uff08{error}\uff09\uff1b\u5b89\u88c5 triton-windows \u4f1a\u66f4\u5feb\u3002',
  "Watched: the plan for the runs to come is made.":
    '\u5df2\u89c2\u6d4b\uff1a\u4eca\u540e\u8fd0\u884c\u6240\u7528\u7684\u65b9\u6848\u5df2\u751f\u6210\u3002',
  "all of the picture, in INT8":
    '\u6574\u5e45\u56fe\u50cf\uff0cINT8',
  "attends in windows of its own":
    '\u4f7f\u7528\u81ea\u5df1\u7684\u7a97\u53e3\u8ba1\u7b97\u6ce8\u610f\u529b',
  "is a language model that keeps keys and values itself":
    '\u662f\u81ea\u884c\u4fdd\u5b58\u952e\u548c\u503c\u7684\u8bed\u8a00\u6a21\u578b',
  "its batch is not the sampler's":
    '\u5176\u6279\u6b21\u4e0e\u91c7\u6837\u5668\u7684\u4e0d\u540c',
  "makes its video part by part from keys and values that it keeps itself":
    '\u5229\u7528\u81ea\u884c\u4fdd\u5b58\u7684\u952e\u548c\u503c\u9010\u6bb5\u751f\u6210\u89c6\u9891',
  "no LoRA":
    '\u65e0 LoRA',
  "no attention call that can be compressed was seen, or the run was too short.":
    '\u6ca1\u6709\u51fa\u73b0\u53ef\u538b\u7f29\u7684\u6ce8\u610f\u529b\u8ba1\u7b97\uff0c\u6216\u8fd0\u884c\u8fc7\u77ed\u3002',
  "no reference pictures":
    '\u65e0\u53c2\u8003\u56fe\u50cf',
  "queries and keys differ in shape":
    '\u67e5\u8be2\u4e0e\u952e\u7684\u5f62\u72b6\u4e0d\u540c',
  "references of {sizes} tokens":
    '{sizes} \u4e2a token \u7684\u53c2\u8003\u56fe\u50cf',
  "sigmas holds no step: connect the noise levels that you sample with.":
    'sigmas \u4e2d\u6ca1\u6709\u4efb\u4f55\u4e00\u6b65\uff1a\u8bf7\u8fde\u63a5\u91c7\u6837\u6240\u7528\u7684\u566a\u58f0\u6c34\u5e73\u3002',
  "the model does not attend in {layer} as the plan says":
    '\u6a21\u578b\u5e76\u4e0d\u50cf\u65b9\u6848\u6240\u8bf4\u5728 {layer} \u4e2d\u8ba1\u7b97\u6ce8\u610f\u529b',
  "the model masks its attention":
    '\u6a21\u578b\u5bf9\u6ce8\u610f\u529b\u4f7f\u7528\u63a9\u7801',
  "{count} known already.":
    '\u5176\u4e2d {count} \u6b21\u7684\u7ed3\u679c\u5df2\u6709\u3002',
  "{count} of {all} forwards were passes that guidance makes beside its branches, and ran in full.":
    '{all} \u6b21\u524d\u5411\u8ba1\u7b97\u4e2d\u6709 {count} \u6b21\u662f\u5f15\u5bfc\u5728\u5176\u5206\u652f\u4e4b\u5916\u8fdb\u884c\u7684\uff0c\u4ee5\u5b8c\u6574\u65b9\u5f0f\u8fd0\u884c\u3002',
  "{count} runs sampled.":
    '\u5df2\u91c7\u6837 {count} \u6b21\u3002',
  "{extent} of the picture":
    '\u56fe\u50cf\u7684 {extent}',
  "{extent} of the picture, in INT8":
    '\u56fe\u50cf\u7684 {extent}\uff0cINT8',
  "{extent} of the picture, the rest pooled":
    '\u56fe\u50cf\u7684 {extent}\uff0c\u5176\u4f59\u90e8\u5206\u6c60\u5316',
  "{extent} of the picture, the rest pooled, in INT8":
    '\u56fe\u50cf\u7684 {extent}\uff0c\u5176\u4f59\u90e8\u5206\u6c60\u5316\uff0cINT8',
  "{family} (1 attention layer, {heads} heads, fingerprint {fingerprint})":
    '{family}\uff081 \u4e2a\u6ce8\u610f\u529b\u5c42\uff0c{heads} \u4e2a\u5934\uff0c\u6307\u7eb9 {fingerprint}\uff09',
  "{family} ({layers} attention layers, {heads} heads, fingerprint {fingerprint})":
    '{family}\uff08{layers} \u4e2a\u6ce8\u610f\u529b\u5c42\uff0c{heads} \u4e2a\u5934\uff0c\u6307\u7eb9 {fingerprint}\uff09',
  "{file} cannot be read as tensors alone ({error}): files with anything else are refused, because they may run code. Look for a safetensors file of the model.":
    '{file} \u4e0d\u80fd\u53ea\u4f5c\u4e3a\u5f20\u91cf\u8bfb\u53d6\uff08{error}\uff09\uff1a\u542b\u6709\u5176\u4ed6\u5185\u5bb9\u7684\u6587\u4ef6\u4f1a\u88ab\u62d2\u7edd\uff0c\u56e0\u4e3a\u5b83\u4eec\u53ef\u80fd\u4f1a\u8fd0\u884c\u4ee3\u7801\u3002\u8bf7\u627e\u6b64\u6a21\u578b\u7684 safetensors \u6587\u4ef6\u3002',
  "{file} holds more than the tensors of one model.":
    '{file} \u6240\u542b\u7684\u4e0d\u53ea\u662f\u4e00\u4e2a\u6a21\u578b\u7684\u5f20\u91cf\u3002',
  "{file} is no autoencoder of Open-Sora 1.2, which has one part for frames and one for time. The host's Load VAE may know it.":
    '{file} \u4e0d\u662f Open-Sora 1.2 \u7684\u81ea\u7f16\u7801\u5668\uff1a\u90a3\u5e94\u6709\u4e00\u90e8\u5206\u9488\u5bf9\u5e27\u3001\u4e00\u90e8\u5206\u9488\u5bf9\u65f6\u95f4\u3002ComfyUI \u7684 Load VAE \u4e5f\u8bb8\u8ba4\u8bc6\u5b83\u3002',
  "{file} is none of the models that this node loads ({models}): it holds {examples}. The host's Load Diffusion Model may know it.":
    '{file} \u4e0d\u662f\u672c\u8282\u70b9\u80fd\u52a0\u8f7d\u7684\u6a21\u578b\uff08{models}\uff09\uff1a\u5b83\u5305\u542b {examples}\u3002ComfyUI \u81ea\u5e26\u7684\u201c\u52a0\u8f7d\u6269\u6563\u6a21\u578b\u201d\u4e5f\u8bb8\u8ba4\u8bc6\u5b83\u3002',
  "{file} is not a whole {model}: {missing} tensors are missing, {foreign} are of no layer, {other} have another shape ({examples}).":
    '{file} \u4e0d\u662f\u5b8c\u6574\u7684 {model}\uff1a\u7f3a\u5c11 {missing} \u4e2a\u5f20\u91cf\uff0c{foreign} \u4e2a\u4e0d\u5c5e\u4e8e\u4efb\u4f55\u5c42\uff0c{other} \u4e2a\u5f62\u72b6\u4e0d\u540c\uff08{examples}\uff09\u3002',
  "{file} looks like {model}, and its size is none that is known ({error}).":
    '{file} \u770b\u8d77\u6765\u50cf {model}\uff0c\u4f46\u5176\u5c3a\u5bf8\u4e0d\u662f\u5df2\u77e5\u7684\uff08{error}\uff09\u3002',
  "{first} {second}":
    '{first}{second}',
  "{half} of the tokens to either side":
    '\u4e24\u4fa7\u5404 {half} \u7684 token',
  "{layer} could not be compressed ({reason}); the rest of the run was computed in full.":
    '{layer} \u65e0\u6cd5\u538b\u7f29\uff08{reason}\uff09\uff1b\u8fd0\u884c\u7684\u5176\u4f59\u90e8\u5206\u5b8c\u6574\u8ba1\u7b97\u3002',
  "{layer} ran in full: another node has put a function of its own in the place of its layer.":
    '{layer} \u5b8c\u6574\u8ba1\u7b97\uff1a\u53e6\u4e00\u4e2a\u8282\u70b9\u7528\u81ea\u5df1\u7684\u51fd\u6570\u66ff\u6362\u4e86\u8be5\u5c42\u3002',
  "{layer} ran in full: {reason}.":
    '{layer} \u5b8c\u6574\u8ba1\u7b97\uff1a{reason}\u3002',
  "{layer} ran without windows: its {tokens} tokens do not fit the {grid} grid.":
    '{layer} \u672a\u4f7f\u7528\u7a97\u53e3\uff1a\u5176 {tokens} \u4e2a token \u4e0d\u7b26\u5408 {grid} \u7f51\u683c\u3002',
  "{level} checked: relative error {error} where {predicted} is predicted (PSNR of the latent {psnr} dB), attempt {count}.":
    '\u5df2\u68c0\u9a8c {level}\uff1a\u76f8\u5bf9\u8bef\u5dee {error}\uff0c\u9884\u6d4b\u4e3a {predicted}\uff08Latent \u7684 PSNR {psnr} dB\uff09\uff0c\u7b2c {count} \u6b21\u5c1d\u8bd5\u3002',
  "{level}: {note}":
    '{level}\uff1a{note}',
  "{model} is not a model that DiTFastAttn covers, so it runs with full attention: bypass or remove the node, or load one of those that are covered ({covered}).":
    '{model} \u4e0d\u662f DiTFastAttn \u652f\u6301\u7684\u6a21\u578b\uff0c\u56e0\u6b64\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\uff1a\u8bf7\u7ed5\u8fc7\u6216\u79fb\u9664\u672c\u8282\u70b9\uff0c\u6216\u8f7d\u5165\u53d7\u652f\u6301\u7684\u6a21\u578b\uff08{covered}\uff09\u3002',
  "{model} {reason}, so it runs with full attention: bypass or remove the node.":
    '{model}\uff08{reason}\uff09\u65e0\u6cd5\u538b\u7f29\uff0c\u56e0\u6b64\u4f7f\u7528\u5b8c\u6574\u6ce8\u610f\u529b\uff1a\u8bf7\u7ed5\u8fc7\u6216\u79fb\u9664\u672c\u8282\u70b9\u3002',
  "{name} must be finite, not {wrong}: set it to what you sample with.":
    '{name} \u5fc5\u987b\u662f\u6709\u9650\u6570\uff0c\u800c\u4e0d\u662f {wrong}\uff1a\u8bf7\u8bbe\u4e3a\u60a8\u91c7\u6837\u6240\u7528\u7684\u503c\u3002',
  "{node} leaves out steps as well: what that changes comes on top of the predicted error.":
    '{node} \u4e5f\u4f1a\u7701\u7565\u6b65\u9aa4\uff1a\u5b83\u5e26\u6765\u7684\u6539\u53d8\u4e0d\u5305\u542b\u5728\u9884\u6d4b\u8bef\u5dee\u4e2d\u3002',
  "{part} of the attention cells run in full because this run's steps are too far apart for their caches.":
    '\u7531\u4e8e\u672c\u6b21\u8fd0\u884c\u7684\u6b65\u8ddd\u8fc7\u5927\uff0c\u7f13\u5b58\u4e0d\u9002\u7528\uff0c{part} \u7684\u6ce8\u610f\u529b\u5355\u5143\u5b8c\u6574\u8ba1\u7b97\u3002',
  "{recalled} of {steps} steps that the plan forecasts are computed, because this run's steps are too far apart for a forecast.":
    '\u7531\u4e8e\u672c\u6b21\u8fd0\u884c\u7684\u6b65\u8ddd\u8fc7\u5927\uff0c\u65e0\u6cd5\u9884\u6d4b\uff0c\u65b9\u6848\u8981\u9884\u6d4b\u7684 {steps} \u6b65\u4e2d\u6709 {recalled} \u6b65\u6539\u4e3a\u8ba1\u7b97\u3002',
  "{steps} of {of} steps, the same work, err by {error}.":
    '\u540c\u6837\u7684\u8ba1\u7b97\u91cf\u4e0b\uff0c\u7528 {of} \u6b65\u4e2d\u7684 {steps} \u6b65\u91c7\u6837\u7684\u8bef\u5dee\u4e3a {error}\u3002',
};
